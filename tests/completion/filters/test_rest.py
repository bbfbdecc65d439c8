from slm_lsp.completion.filters import Candidate
from slm_lsp.completion.filters.rest import ClosedTwice, RestOfLine
from tests.completion.places import place


def rest(text: str, marked: str, *, whole: bool) -> str:
    return RestOfLine().apply(Candidate(text, whole), place(marked)).text


def closed(text: str, marked: str) -> tuple[str, int]:
    one = ClosedTwice().apply(Candidate(text), place(marked, "typescript"))
    return one.text, one.replaces


def test_the_rest_of_the_line_is_not_written_twice() -> None:
    assert rest("a, b)", "f(¦)", whole=True) == "a, b"
    assert rest("a, b ); ", "f(¦ );", whole=True) == "a, b "


def test_a_model_that_left_off_before_the_rest_is_taken_at_its_word() -> None:
    assert rest(", y)", "f(g(x¦)", whole=False) == ", y)"


def test_a_line_that_goes_another_way_than_the_rest_is_kept() -> None:
    assert rest("a, b", "f(¦);", whole=True) == "a, b"


def test_a_bracket_that_the_editor_closed_is_not_closed_again() -> None:
    assert closed("a, b)", "f(¦)\n") == ("a, b", 0)
    assert closed("a, b)", "f(¦\n") == ("a, b)", 0)
    assert closed(", y)", "f(g(x¦)\n") == (", y)", 0)


def test_what_goes_on_behind_the_bracket_replaces_the_editors_own() -> None:
    assert closed("a: number) {\n}", "function f(¦)\n") == ("a: number) {\n}", 1)
    assert closed("x => x[0]))", "f(g(¦))\n") == ("x => x[0]", 0)
    assert closed("[1]);\nh();", "f(¦);\n") == ("[1]);\nh();", 2)


def test_a_quote_that_the_editor_closed_is_not_closed_again() -> None:
    assert closed('name"', 'f("¦")\n') == ("name", 0)
    assert closed('name", "b"', 'f("¦")\n')[0] == 'name", "b'
