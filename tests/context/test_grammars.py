import pytest

from slm_lsp.context import grammars
from slm_lsp.context.languages import LANGUAGES

SOURCES = {
    "c": "int f(int a) { return a; }\n",
    "cpp": "class A { public: int f() { return 1; } };\n",
    "csharp": "class A { int F(int b) { return b; } }\n",
    "css": "a:not(.b) { color: rgb(1, 2, 3); }\n",
    "go": "package a\n\nfunc f(b int) int { return b }\n",
    "html": "<p title='a'>b</p>\n",
    "java": "class A { int f(int b) { return b; } }\n",
    "javascript": "const f = (a) => a + 1;\n",
    "javascriptreact": "const a = <b c={1}>d</b>;\n",
    "json": '{"a": [1, 2]}\n',
    "jsonc": '{"a": [1, 2]} // b\n',
    "kotlin": "fun f(a: Int): Int = a + 1\n",
    "lua": "local function f(a) return a end\n",
    "php": "<?php function f($a) { return $a; }\n",
    "python": "def f(a):\n    return a\n",
    "ruby": "def f(a)\n  a.map { |b| b }\nend\n",
    "rust": "fn f(a: u8) -> u8 { a }\n",
    "scala": "object A { def f(a: Int): Int = a + 1 }\n",
    "shellscript": "f() { echo $(ls); }\n",
    "swift": "func f(a: Int) -> Int { return a }\n",
    "toml": "[a]\nb = [1, 2]\n",
    "typescript": "function f(a: number): number { return a; }\n",
    "typescriptreact": "const a = <b c={1 as number}>d</b>;\n",
    "yaml": "a: [1, 2]\nb: c\n",
}

TEARS = {"html": ("'>", ""), "json": (":", ""), "jsonc": (":", ""), "toml": ("=", ""), "yaml": ("]", "")}
"""What is taken out to tear a source apart; an opening parenthesis where nothing is said."""


def test_grammars_are_named_as_editors_name_languages() -> None:
    assert SOURCES.keys() == grammars.LANGUAGES
    assert {language.id for language in LANGUAGES} >= grammars.LANGUAGES


@pytest.mark.parametrize("language", SOURCES)
def test_code_parses_and_torn_code_does_not(language: str) -> None:
    assert grammars.parses(language, SOURCES[language]) == 0
    torn = SOURCES[language].replace(*TEARS.get(language, ("(", ""))).replace("=", "= ) =")
    assert grammars.parses(language, torn) != 0


def test_every_error_counts() -> None:
    good, bad = "def f():\n    return 1\n\n\n", "a = = 1\n\n\n"
    one = grammars.parses("python", good + bad)
    two = grammars.parses("python", good + bad + good + bad)
    assert one
    assert two
    assert two > one


def test_without_a_grammar_nothing_is_said() -> None:
    assert grammars.parses("zig", "fn") is None
    with pytest.raises(KeyError):
        list(grammars.spans("zig", "fn"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("f(a, b)\n", ["f", "a", "b"]),
        ("é = '😀'; f(ü, 'a')\n", ["é", "f", "ü"]),
        ("f('\ud800', a)\n", ["f", "a"]),
        ("", []),
    ],
)
def test_spans_are_places_in_characters(text: str, names: list[str]) -> None:
    found = [span for span in grammars.spans("python", text) if span.type == "identifier"]
    assert [text[span.start : span.end] for span in found] == names


def test_spans_come_from_the_top_down() -> None:
    found = list(grammars.spans("python", "f(a)\n"))
    assert [(span.type, span.depth) for span in found] == [
        ("module", 0),
        ("expression_statement", 1),
        ("call", 2),
        ("identifier", 3),
        ("argument_list", 3),
        ("identifier", 4),
    ]
    assert [span.type for span in found if span.leaf] == ["identifier", "identifier"]


def test_only_what_overlaps_is_looked_at() -> None:
    text = "first(1)\nsecond(2)\nthird(3)\n"
    start = text.index("second")
    found = grammars.spans("python", text, start, start + 3)
    assert [text[span.start : span.end] for span in found if span.leaf] == ["second"]
