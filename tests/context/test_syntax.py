import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.context.syntax import Region, Syntax, lexed


@pytest.mark.parametrize(
    ("language", "marked", "region"),
    [
        ("python", "x = 1  # a¦\n", Region.COMMENT),
        ("python", "# a¦", Region.COMMENT),
        ("python", "# a\n¦x = 1\n", Region.CODE),
        ("python", 'f("a¦b")\n', Region.STRING),
        ("python", 'f("ab"¦)\n', Region.CODE),
        ("python", 'f(f"a{b¦}")\n', Region.CODE),
        ("python", 'def f():\n    """Say ¦\n    """\n', Region.STRING),
        ("go", "/* a ¦ */ x := 1\n", Region.COMMENT),
        ("go", "/* a */¦ x := 1\n", Region.CODE),
        ("typescript", "let a: string¦ = b\n", Region.CODE),
        ("typescript", "let a = `x ${b¦}`\n", Region.CODE),
        ("rust", "/// Says ¦\nfn f() {}\n", Region.COMMENT),
        ("python", '__all__ = [\n    "a"¦\n    "b",\n]\n', Region.CODE),
        ("java", "class A { char a = '¦b'; }\n", Region.STRING),
        # What is being typed is not closed yet.
        ("python", 'print("hel¦\nx = 1\n', Region.STRING),
        ("python", "print('it is¦)\nx = 1\n", Region.STRING),
        ("python", 'print(f"a {b¦\nx = 1\n', Region.CODE),
        ("python", 'def f():\n    """Say\n    why ¦\n    return 1\n', Region.STRING),
        ("python", 'x = f("a", ¦\ny = 1\n', Region.CODE),
        ("typescript", "f(`a ${b¦\nlet c = 1\n", Region.CODE),
        ("typescript", "f(`a ${b} c¦\nlet c = 1\n", Region.STRING),
        ("typescript", "/** Say ¦\nfunction f() {}\n", Region.COMMENT),
        ("go", 'package a\n\nfunc f() {\n\tx := "hel¦\n}\n', Region.STRING),
        ("rust", "fn f<'a>(x: &'a str, ¦\n", Region.CODE),
    ],
)
def test_what_the_text_is_at_a_place(language: str, marked: str, region: Region) -> None:
    before, after = marked.split("¦")
    assert Syntax(language, before + after).region(len(before)) is region


@given(st.text("ab ():\n#'é😀", max_size=40), st.data())
def test_an_edited_parse_is_that_of_the_edited_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    new = data.draw(st.text("ab():\né", max_size=10))
    edited = Syntax("python", text).replaced(start, end, new)
    whole = Syntax("python", text[:start] + new + text[end:])
    places = range(len(text[:start] + new + text[end:]) + 1)
    assert [edited.region(at) for at in places] == [whole.region(at) for at in places]


def test_strings_and_comments_are_known_in_languages_without_a_grammar() -> None:
    assert lexed("zig", 'const a = "b') is Region.STRING
    assert lexed("zig", "const a = b; // the ") is Region.COMMENT
    assert lexed("zig", 'const a = "b";') is Region.CODE


def test_errors_are_counted() -> None:
    assert Syntax("python", "def f(a):\n    return a\n").errors == 0
    assert Syntax("python", "def f(a:\n    return (\n").errors > 0
    assert Syntax.of("zig", "fn") is None


def test_the_statement_that_starts_at_a_place() -> None:
    text = "a = 1\nif b:\n    c()\nelse:\n    d()\ne()\n"
    assert Syntax("python", text).statement_end(6) == text.index("\ne()")
    within = "def f():\n    if b:\n        c()\n    e()\n"
    assert Syntax("python", within).statement_end(13) == within.index("\n    e()")


def test_names_and_what_they_are() -> None:
    text = "def f(a):\n    b = self.c(d)\n"
    names = {name.text: (name.member, name.declared) for name in Syntax("python", text).names(0, len(text))}
    assert names == {
        "f": (False, True),
        "a": (False, True),
        "b": (False, True),
        "self": (False, False),
        "c": (True, False),
        "d": (False, False),
    }
