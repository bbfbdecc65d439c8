import pytest

from slm_lsp.completion.filters import Candidate
from slm_lsp.completion.filters.spacing import BlankLines, Indentation, TrailingSpace, unit
from tests.completion.places import place


def indented(text: str, marked: str, language: str = "python") -> str:
    return Indentation().apply(Candidate(text), place(marked, language)).text


def trimmed(text: str, marked: str) -> str:
    return TrailingSpace().apply(Candidate(text), place(marked)).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n  b\n    c\n  d\n", "  "),
        ("a\n    b\n        c\n", "    "),
        ("a\n\tb\n\t\tc\n", "\t"),
        ("a\nb\n", ""),
    ],
)
def test_a_files_own_indentation(text: str, expected: str) -> None:
    assert unit(text) == expected


def test_spaces_become_tabs_in_a_file_with_tabs() -> None:
    marked = "func f() {\n\tif a {¦\n\t}\n}\n"
    assert indented("\n        b()\n        c()", marked, "go") == "\n\t\tb()\n\t\tc()"


def test_tabs_become_spaces_in_a_file_with_spaces() -> None:
    marked = "def f():\n    if a:¦\n"
    assert indented("\n\t\tb()", marked) == "\n        b()"


def test_a_body_is_indented_by_the_files_own_width() -> None:
    marked = "if a:\n  b()\nif c:¦\n"
    assert indented("\n    d()\n    if e:\n        f()", marked) == "\n  d()\n  if e:\n    f()"


def test_what_fits_already_stays() -> None:
    text = "\n    b()\n    g(c,\n      d)"
    assert indented(text, "def f():¦\n    if a:\n        b()\n") == text


def test_blank_lines_in_front_are_dropped_on_a_blank_line() -> None:
    assert BlankLines().apply(Candidate("\n\n    return a"), place("def f(a):\n¦\n")).text == "    return a"
    assert BlankLines().apply(Candidate("\n    return a"), place("def f(a):¦\n")).text == "\n    return a"


def test_nothing_ends_in_white_space() -> None:
    assert trimmed("total  \n    \n", "x = ¦\n") == "total"
    assert trimmed("total ", "f(¦)\n") == "total"


def test_white_space_that_sets_the_rest_apart_stays() -> None:
    assert trimmed("if not ", "¦found:\n") == "if not "
    assert trimmed("first,\n    ", "f(¦)\n") == "first,\n    "
