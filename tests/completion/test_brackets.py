import pytest

from slm_lsp.completion.brackets import brackets


@pytest.mark.parametrize(
    ("text", "language", "unopened", "unclosed"),
    [
        ("f(a[1], {", "python", "", "({"),
        ("a)]", "python", ")]", ""),
        ("f('(') # (", "python", "", ""),
        ('"""(((\n(((', "python", "", ""),
        ("fn f<'a>(x: &'a str) {", "rust", "", "{"),
        ("// (\n/* [ */ f({", "go", "", "({"),
        ("`${a(` )", "typescript", ")", ""),
        ('-- it\'s (\nf(")"', "lua", "", "("),
    ],
)
def test_what_a_text_leaves_open(text: str, language: str, unopened: str, unclosed: str) -> None:
    found = brackets(text, language)
    assert (found.unopened, found.unclosed) == (unopened, unclosed)


def test_what_one_text_opens_the_next_one_closes() -> None:
    none = brackets("", "c")
    assert brackets("f(a[", "c") + brackets("1]", "c") + brackets(")", "c") == none
    assert (brackets("f(", "c") + brackets("]", "c")).worse_than(none)
    # Closing the right one may leave another alone that met the wrong one before.
    torn = brackets("class A { x: T[", "typescript"), brackets("} } }", "typescript")
    assert not (torn[0] + brackets("];", "typescript") + torn[1]).worse_than(torn[0] + torn[1])
    assert (brackets("f(", "c") + brackets("a))", "c")).worse_than(brackets("f(", "c"))
