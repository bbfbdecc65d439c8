"""The tree-sitter grammars, by LSP language id, and what they say of a text as plain values.

Grammars come as separate wheels, so that nothing is fetched at run time.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import accumulate
from threading import local

from tree_sitter import Language, Node, Parser

_GRAMMARS = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "css": ("tree_sitter_css", "language"),
    "go": ("tree_sitter_go", "language"),
    "html": ("tree_sitter_html", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "json": ("tree_sitter_json", "language"),
    "jsonc": ("tree_sitter_json", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "shellscript": ("tree_sitter_bash", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "toml": ("tree_sitter_toml", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "yaml": ("tree_sitter_yaml", "language"),
}

LANGUAGES = frozenset(_GRAMMARS)
"""Language ids that have a grammar."""


@dataclass(frozen=True, slots=True)
class Span:
    """A node of a syntax tree: its type, and its place in the text in characters, the end excluded.

    `depth` is that of the node below the root; `leaf` says whether nothing is below it.
    """

    type: str
    start: int
    end: int
    depth: int
    leaf: bool


_of_thread = local()


@cache
def grammar(language: str) -> Language:
    """Return the grammar of a language in `LANGUAGES`; its wheel is imported when it is first asked for."""
    module, function = _GRAMMARS[language]
    return Language(getattr(import_module(module), function)())


def parser(language: str) -> Parser:
    """Return this thread's parser of a language in `LANGUAGES`."""
    parsers: dict[str, Parser] = _of_thread.__dict__.setdefault("parsers", {})
    if language not in parsers:
        parsers[language] = Parser(grammar(language))
    return parsers[language]


def parses(language: str, text: str) -> int | None:
    """Count the places where a text does not parse: nodes in error and nodes that are missing.

    None if the language has no grammar. Python's grammar takes wrong indentation without a word.
    """
    if language not in LANGUAGES:
        return None
    errors, pending = 0, [_root(language, text)]
    while pending:
        node = pending.pop()
        errors += node.is_error or node.is_missing
        pending += [child for child in node.children if child.has_error or child.is_missing]
    return errors


def spans(language: str, text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield the named nodes that overlap characters `start` to `end` of a text, from the top down, in order.

    Raises:
        KeyError: the language has no grammar.
    """
    places = _Places(text)
    first, last = places.byte(start), places.byte(len(text) if end is None else end)
    pending = [(_root(language, text), 0)]
    while pending:
        node, depth = pending.pop()
        begin, stop = places.character(node.start_byte), places.character(node.end_byte)
        yield Span(node.type, begin, stop, depth, not node.child_count)
        pending += [
            (child, depth + 1)
            for child in reversed(node.named_children)
            if child.start_byte < last and child.end_byte > first
        ]


def _root(language: str, text: str) -> Node:
    return parser(language).parse(text.encode(errors="replace")).root_node


class _Places:
    """Translates between places in characters and in bytes of UTF-8."""

    def __init__(self, text: str) -> None:
        # The bytes before each character, and all; not needed where every character is one byte.
        self._ends = None if text.isascii() else list(accumulate(map(_width, text), initial=0))

    def byte(self, character: int) -> int:
        """Return the bytes before a character."""
        return character if self._ends is None else self._ends[character]

    def character(self, byte: int) -> int:
        """Return the characters before a byte."""
        return byte if self._ends is None else bisect_left(self._ends, byte)


def _width(character: str) -> int:
    code = ord(character)
    # Half a surrogate pair is replaced by a question mark.
    if code < 0x80 or 0xD800 <= code < 0xE000:
        return 1
    return 2 if code < 0x800 else 3 if code < 0x10000 else 4
