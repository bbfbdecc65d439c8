from slm_lsp.completion.filters import Candidate
from slm_lsp.completion.filters.repeats import AlreadyThere, RepeatsAbove, RepeatsBelow, Repetition
from tests.completion.places import place


def round_(text: str, marked: str = "x = ¦\n") -> str:
    return Repetition().apply(Candidate(text), place(marked)).text


def below(text: str, marked: str) -> str:
    return RepeatsBelow().apply(Candidate(text), place(marked)).text


def above(text: str, marked: str) -> str:
    return RepeatsAbove().apply(Candidate(text), place(marked)).text


def test_a_line_that_goes_round_is_dropped() -> None:
    assert round_("a(b, c) or " * 12) == ""


def test_lines_before_the_circle_stay() -> None:
    text = "total = 0\n" + "if a[0] == b[0] and c: pass\n" * 4
    assert round_(text, "¦") == "total = 0\nif a[0] == b[0] and c: pass"


def test_a_line_is_written_once() -> None:
    assert round_("a.update(b)\n    a.update(b)\n    c()", "    ¦") == "a.update(b)\n    a.update(b)\n    c()"
    assert round_("\n    a.update(b)\n    a.update(b)\n", "f():¦") == "\n    a.update(b)"


def test_sums_tables_and_rulers_are_no_circles() -> None:
    for text in ("x[1] + x[2] + x[3] + x[4]", "[0, 0, 0, 0, 0, 0, 0, 0]", "# " + "-" * 70, "}\n}\n}"):
        assert round_(text) == text


def test_the_lines_below_are_not_written_again() -> None:
    marked = "def f():\n    ¦\n    total = sum(items)\n    return total\n"
    assert below("items = g()\n    total = sum(items)\n    return total", marked) == "items = g()"


def test_the_lines_below_are_known_however_they_are_indented() -> None:
    """Tabby compares trimmed lines with untrimmed ones and misses these."""
    marked = "if a:\n    ¦\n        total = sum(items)\n"
    assert below("b()\n  total = sum(items)", marked) == "b()"


def test_a_suggestion_that_is_the_next_line_is_rejected() -> None:
    assert below("sum(items)", "total = ¦\ntotal = sum(items)\n") == ""


def test_a_line_further_down_in_the_block_is_not_suggested() -> None:
    marked = "func f() int {\n\t¦\n\tq.mu.Lock()\n\tdefer q.mu.Unlock()\n\treturn len(q.items)\n}\n"
    assert below("return len(q.items)", marked) == ""
    assert below("q.check()\n\treturn len(q.items)", marked) == "q.check()"
    # A short line may well come twice, and so may one of another block.
    assert below("q.mu.Lock()\n\tq.g()", marked) == "q.mu.Lock()\n\tq.g()"
    assert below("if q.empty {\n\t\treturn len(q.items)", marked) == "if q.empty {\n\t\treturn len(q.items)"
    marked = "case 1:\n    ¦\ncase 2:\n    return len(q.items)\n"
    assert below("return len(q.items)", marked) == "return len(q.items)"


def test_a_line_that_differs_in_one_name_is_no_copy() -> None:
    marked = "¦\nplanet2 = names.index(second2)\n"
    text = "planet1 = names.index(second1)"
    assert below(text, marked) == text


def test_short_lines_may_come_again() -> None:
    marked = "if a:\n    ¦\nelse:\n    b()\n"
    text = "c()\nelse:\n    d()"
    assert below(text, marked) == text


def test_a_line_that_repeats_the_one_above_is_rejected() -> None:
    assert above("total += price", "total += price\n¦") == ""
    assert above("price", "total += price\ntotal += ¦") == ""
    assert above("\nclass Point:", "class Point:¦\n") == ""


def test_the_same_words_at_another_depth_are_another_line() -> None:
    text = "    return False"
    assert above(text, "    if a:\n        return False\n¦\n") == text


def test_what_stands_behind_the_cursor_is_not_suggested() -> None:
    assert AlreadyThere().apply(Candidate("):"), place("def f(a¦):\n")).text == ""
    assert AlreadyThere().apply(Candidate(", b"), place("def f(a¦):\n")).text == ", b"
