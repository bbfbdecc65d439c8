"""The filters in their order, on what small models really write."""

from slm_lsp.completion.filters import Candidate, chain, run
from slm_lsp.completion.request import Reason
from tests.completion.places import place


def left(marked: str, text: str, language: str = "python", *, whole: bool = True) -> str | Reason:
    """What all filters together leave of a text, or the reason why nothing is left."""
    one, _, reason = run(Candidate(text, whole), place(marked, language), chain())
    return reason or one.text


def test_a_good_suggestion_passes_unchanged() -> None:
    marked = "def area(width, height):\n    ¦\n"
    one, steps, reason = run(Candidate("return width * height", True), place(marked), chain())
    assert (one.text, steps, reason) == ("return width * height", (), None)


def test_a_loop_of_conditions_is_rejected() -> None:
    """The untuned model wrote this until its tokens ran out."""
    text = "(text[i+1] == ' ' and text[i+2] == ' ' and text[i+3] == ' ' and text[i+4] == ' ' and"
    assert left("if text[i] == ' ' or ¦\n", text, whole=False) in (Reason.REPEATS_ITSELF, Reason.UNBALANCED)


def test_the_first_filter_that_rejects_gives_the_reason() -> None:
    assert left("a = 1\n¦", "Here is the function that you asked for:\n") is Reason.CHAT
    assert left("total = total + 1\n¦", "total = total + 1") is Reason.REPEATS_ABOVE
    assert left("x = ¦\n", "y") is Reason.TOO_SHORT
    assert left("x = ¦\n", "   ") is Reason.EMPTY


def test_steps_name_what_changed_the_text() -> None:
    _, steps, _ = run(Candidate("index )  ", True), place("print(¦)\n"), chain())
    assert [(step.filter, step.text) for step in steps] == [
        ("rest of the line", "index "),
        ("trailing white space", "index"),
    ]


def test_a_line_that_goes_on_wrongly_behind_the_bracket_leaves_the_bracket_alone() -> None:
    """The model went on as after a condition: the colon does not parse, and the bracket is there already."""
    one, steps, _ = run(Candidate("item, dict):", True), place("x = isinstance(¦)\n"), chain())
    assert (one.text, one.replaces) == ("item, dict", 0)
    assert [step.filter for step in steps] == ["closed twice", "syntax", "replaced by itself"]


def test_an_arrow_stays_with_its_body_in_the_middle_of_a_line() -> None:
    assert left("f(¦);\n", "failed => {", "typescript") == "failed"


def test_the_confidence_is_told_what_the_filters_saw() -> None:
    met, _, _ = run(Candidate("a, b)", True), place("f(¦)\n"), chain())
    mended, _, _ = run(Candidate("return a b", True), place("def f(a):\n    ¦\n"), chain())
    assert (met.met, met.mended) == (True, False)
    assert (mended.met, mended.mended) == (False, True)
