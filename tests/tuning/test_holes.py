import random
from collections import Counter
from pathlib import Path

import pytest

from slm_lsp.context.languages import language_id
from slm_lsp.tuning.holes import MAX_HOLE, WEIGHTS, Source
from tests.tuning.samples import FOLDER, PYTHON

SAMPLES = sorted(path for path in FOLDER.iterdir() if path.suffix != ".zig")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_grammar_gives_syntactic_holes(path: Path) -> None:
    source = Source(path.read_text(encoding="utf-8"), language_id(path))
    assert all(source.spans[kind] for kind in ("arguments", "statement", "block")), source.spans
    assert source.functions


def test_holes_lie_in_the_text_and_are_not_blank() -> None:
    source, rng = Source(PYTHON, "python"), random.Random(1)
    kinds: Counter[str] = Counter()
    for _ in range(500):
        hole = source.draw(rng)
        assert hole is not None
        text = PYTHON[hole.start : hole.end]
        assert text.strip()
        assert len(text) <= MAX_HOLE
        kinds[hole.kind] += 1
    assert set(kinds) == set(WEIGHTS)


def test_spans_are_characters_where_the_text_is_not_ascii() -> None:
    text = 'print("größte Länge 你好", naïve)\nüber = f(ä, ö)\n'
    source = Source(text, "python")
    assert "ä, ö" in [text[start:end] for start, end in source.spans["arguments"]]
    assert "f(ä, ö)" in [text[start:end] for start, end in source.spans["value"]]


def test_most_line_holes_leave_the_newline_to_the_suffix() -> None:
    source, rng = Source(PYTHON, "python"), random.Random(2)
    ends = []
    for _ in range(800):
        hole = source.draw(rng)
        if hole is not None and hole.kind in ("line", "lines"):
            ends.append(PYTHON[hole.end - 1 : hole.end] == "\n")
    assert 0.05 < sum(ends) / len(ends) < 0.4


def test_a_hole_knows_the_function_around_it() -> None:
    source, rng = Source(PYTHON, "python"), random.Random(3)
    for _ in range(200):
        hole = source.draw(rng)
        assert hole is not None
        if (around := source.function_around(hole)) is not None:
            assert around[0] <= hole.start
            assert hole.end <= around[1]
            assert PYTHON[around[0] : around[1]].lstrip().startswith(("def ", "class "))


def test_a_language_without_a_grammar_has_lines_and_spans() -> None:
    source, rng = Source("const x = 1;\nfn f() void {\n    g(x);\n}\n", "zig"), random.Random(4)
    drawn = {hole.kind for _ in range(100) if (hole := source.draw(rng)) is not None}
    assert {"line", "span", "rest"} <= drawn


def test_a_text_without_code_gives_no_hole() -> None:
    assert Source("\n\n   \n", "python").draw(random.Random(5)) is None


def test_few_holes_are_in_comments_and_docstrings() -> None:
    words = ["Words about what the function does, and more of them."] * 12
    prose = '    """' + "\n    ".join(words) + '"""\n'
    text = f"def f(a, b):\n{prose}    # and a comment\n    c = a + b\n    return c * f(a, c)\n"
    source, rng = Source(text, "python"), random.Random(6)
    inside = [text.index('"""'), text.rindex('"""')]
    holes = [hole for _ in range(400) if (hole := source.draw(rng)) is not None]
    assert sum(inside[0] <= hole.start < inside[1] - 3 for hole in holes) < 0.4 * len(holes)
