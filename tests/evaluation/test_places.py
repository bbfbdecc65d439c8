import random
from pathlib import Path

import pytest

from slm_lsp.context.languages import language_id
from slm_lsp.evaluation.places import BLOCK_LINES, Kind, Places

SAMPLES = sorted((Path(__file__).parent.parent / "samples").iterdir())


def drawn(text: str, language: str, kind: Kind, count: int = 60) -> set[str]:
    """Every hole that many draws give."""
    places, rng = Places(text, language), random.Random(0)
    holes = [places.draw(kind, rng) for _ in range(count)]
    return {text[hole.start : hole.end] for hole in holes if hole}


PYTHON = '''"""About
this module."""


def total(items):
    """Add up."""
    # One by one.
    add = sum(
        items
    )
    return max(add, f(0))


class A:
    pass
'''


def test_whole_lines_are_code_without_its_indentation() -> None:
    assert drawn(PYTHON, "python", Kind.WHOLE_LINE) == {
        "def total(items):",
        '"""Add up."""',
        "add = sum(",
        "items",
        "return max(add, f(0))",
        "class A:",
        "pass",
    }


def test_the_end_of_a_line_begins_at_any_character_and_holds_a_word() -> None:
    found = drawn("a = f(b)  \n", "python", Kind.END_OF_LINE)
    assert found == {" = f(b)", "= f(b)", " f(b)", "f(b)", "(b)", "b)"}


def test_calls_are_those_on_one_line() -> None:
    assert drawn(PYTHON, "python", Kind.CALL) == {"add, f(0)", "0"}


def test_blocks_begin_after_the_docstring() -> None:
    body = "add = sum(\n        items\n    )\n    return max(add, f(0))"
    assert drawn(PYTHON, "python", Kind.BLOCK) == {body, "pass"}


def test_long_blocks_are_none() -> None:
    line = "    f(1)\n"
    assert drawn(f"if a:\n{line * BLOCK_LINES}", "python", Kind.BLOCK)
    assert not drawn(f"if a:\n{line * (BLOCK_LINES + 1)}", "python", Kind.BLOCK)


def test_blocks_on_the_line_of_their_brace_are_none() -> None:
    text = "func f() { return 1 }\n\nfunc g() {\n\treturn 2\n}\n"
    assert drawn(text, "go", Kind.BLOCK) == {"return 2"}


def test_without_a_grammar_indentation_and_parentheses_serve() -> None:
    text = "fn f() void {\n    print(a, b);\n    g();\n}\n// call(me)\nconst b = 1;\n"
    assert drawn(text, "zig", Kind.BLOCK) == {"print(a, b);\n    g();"}
    assert drawn(text, "zig", Kind.CALL) == {"a, b", "me"}
    assert "// call(me)" not in drawn(text, "zig", Kind.WHOLE_LINE)


def test_places_count_characters() -> None:
    text = "# 😀\né = f(ü)\r\n"
    assert drawn(text, "python", Kind.CALL) == {"ü"}
    assert drawn(text, "python", Kind.WHOLE_LINE) == {"é = f(ü)"}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", Kind)
def test_every_sample_has_every_kind(path: Path, kind: Kind) -> None:
    found = drawn(path.read_text("utf-8"), language_id(path), kind)
    assert found
    for text in found:
        assert text == text.rstrip()
        assert ("\n" in text) <= (kind is Kind.BLOCK)


def test_a_file_may_have_no_place() -> None:
    for kind in Kind:
        assert Places("# Nothing.\n\n{}\n", "python").draw(kind, random.Random(0)) is None
