import pytest

from slm_lsp.completion.extent import Extent
from slm_lsp.completion.filters import Candidate
from slm_lsp.completion.filters.soundness import Balance, OneStatement, SyntaxErrors, UnknownNames
from slm_lsp.completion.request import Trigger
from tests.completion.places import place


def balanced(text: str, marked: str, language: str = "python") -> str:
    return Balance().apply(Candidate(text), place(marked, language)).text


def sound(text: str, marked: str, language: str = "python") -> str:
    return SyntaxErrors().apply(Candidate(text), place(marked, language)).text


def unknown(text: str, marked: str, *, hide: bool = False, known: frozenset[str] = frozenset()) -> int:
    names = UnknownNames(hide=hide, known=lambda names: names & known)
    return names.apply(Candidate(text), place(marked)).unknown


def statement(text: str, marked: str) -> str:
    return OneStatement().apply(Candidate(text), place(marked, extent=Extent.STATEMENT)).text


def test_a_statement_ends_where_its_node_does() -> None:
    whole = "if a:\n        b()\n    else:\n        c()"
    assert statement(f"{whole}\n    d()\n", "def f():\n    ¦\n") == whole
    assert statement(whole, "def f():\n    ¦\n") == whole
    assert statement("a = g(\n        1,\n    )\n    b()", "def f():\n    ¦\n") == "a = g(\n        1,\n    )"


def test_brackets_that_were_balanced_stay_so() -> None:
    assert balanced("sorted(items, key=lambda", "x = ¦\n") == "sorted"
    assert balanced("if (a) {", "¦\n", "go") == "if (a)"
    assert balanced("a) + b", "x = f(¦)\n") == "a"
    assert balanced("(", "x = ¦\n") == ""


def test_what_is_closed_does_not_make_up_for_what_is_opened() -> None:
    assert balanced("ine) => {", "const found = lines.find((l¦\n", "typescript") == "ine) =>"
    assert balanced("b), g(", "x = f(a, ¦\n") == "b), g"
    assert balanced("b) {", "if (a && ¦\n}\n", "go") == "b) {"


def test_brackets_that_close_what_is_open_pass() -> None:
    assert balanced("a, b)", "x = f(¦\n") == "a, b)"
    assert balanced("} else {", "if (a) {\n    b()\n¦\n}\n", "typescript") == "} else {"
    assert balanced("')'", "x = ¦\n") == "')'"


def misfits(text: str, marked: str, trigger: Trigger = Trigger.AUTOMATIC, language: str = "python") -> bool:
    return place(marked, language, trigger).misfits(text)


def test_what_stands_deeper_below_wants_a_line_that_opens_a_block() -> None:
    deeper = "def f(a):\n    ¦\n        return a\n"
    assert misfits("a = 1", deeper)
    assert not misfits("if a:", deeper)
    assert not misfits("g(", "def f(a):\n    ¦\n        a)\n")
    assert not misfits("a = 1", deeper, language="go")


def test_a_line_that_opens_a_block_misfits_only_where_all_that_is_missing_was_asked_for() -> None:
    level = "def f(a):\n    ¦\n    return a\n"
    assert not misfits("if a:", level)
    assert misfits("if a:", level, Trigger.INVOKED)
    assert not misfits("if a:\n        b()", level, Trigger.INVOKED)
    assert not misfits("a = 1", level, Trigger.INVOKED)


def test_a_quote_before_the_cursor_is_closed_behind_it() -> None:
    marked = 'raise Torn(f"could not remove {path¦\n'
    assert balanced('.name}") from error', marked) == '.name}") from error'
    assert balanced('.name}")) from error', marked) == '.name}")'


def test_brackets_that_are_closed_far_away_are_not_left_open() -> None:
    """The first line of a loop is missing within a module whose end is out of sight."""
    many = "    fn g() {\n        h(1);\n    }\n\n" * 800
    marked = f"mod a {{\n    fn f() {{\n        ¦\n            g(1);\n        }}\n    }}\n\n{many}}}\n"
    assert balanced("for b in c {", marked, "rust") == "for b in c {"
    assert balanced("b) + c", marked.replace("¦", "x = f(¦)"), "rust") == "b"
    assert balanced("f(b, [c", marked, "rust") == "f"


@pytest.mark.parametrize(
    ("language", "marked", "text", "stays"),
    [
        ("rust", "fn f() {\n    ¦\n}\n", "for (a, _) in b.iter() {", "for (a, _) in b.iter()"),
        ("go", "package a\n\nfunc f() {\n\t¦\n}\n", "if a == nil {", "if a == nil"),
        ("typescript", "class A {\n  ¦\n}\n", "async f(a: string) {", "async f(a: string)"),
        ("typescript", "¦\n", "const a = b c {", "const a = b"),
    ],
)
def test_what_leads_up_to_a_block_stays_without_its_brace(
    language: str, marked: str, text: str, stays: str
) -> None:
    found = place(marked, language)
    left = SyntaxErrors().apply(Balance().apply(Candidate(text), found), found)
    assert left.text == stays
    assert not found.unbalanced_by(left.text)


def test_a_torn_end_is_cut_back_to_what_parses() -> None:
    assert sound("a = 1\nb = 2 +", "¦\n") == "a = 1"
    assert sound("return a b", "def f(a):\n    ¦\n") == "return a"


def test_text_that_can_not_be_mended_is_rejected() -> None:
    assert sound(") ) )", "x = 1\n¦\n") == ""


def test_a_file_in_mid_typing_may_have_its_errors() -> None:
    assert sound("g(a)", "def f(:\n    x = ¦\n") == "g(a)"


@pytest.mark.parametrize("language", ["zig", "plaintext"])
def test_without_a_grammar_nothing_is_said(language: str) -> None:
    assert sound(") ) )", "¦", language) == ") ) )"


def test_names_found_nowhere_are_counted() -> None:
    marked = "class A:\n    def f(self, width):\n        self.height = 1\n        return ¦\n"
    assert unknown("self.height * width", marked) == 0
    assert unknown("self.hieght * depth", marked) == 2
    assert unknown("len(str(width).strip())", marked) == 0
    assert unknown("[x for x in range(width)]", marked) == 0
    assert unknown("depth", marked, known=frozenset({"depth"})) == 0


def test_a_word_is_not_known_by_its_own_beginning() -> None:
    assert unknown("ht", "self.hig¦\n") == 1


def test_unknown_names_can_be_hidden() -> None:
    one = UnknownNames(hide=True, known=lambda names: set()).apply(
        Candidate("self.nothing()"), place("x = ¦\n")
    )
    assert one.text == ""
