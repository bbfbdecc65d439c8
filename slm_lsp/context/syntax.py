"""What the syntax says of the cursor's place, and of a text put there: from one tree, edited as needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Self

from tree_sitter import Node, Tree

from slm_lsp.context.grammars import LANGUAGES, parser
from slm_lsp.context.lexing import unclosed


class Region(Enum):
    """What the text is at a place."""

    CODE = "code"
    COMMENT = "a comment"
    STRING = "a string"


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier: whether it is a member of something, and whether it is declared where it stands."""

    text: str
    member: bool
    declared: bool


_WINDOW = 4000
"""Characters before a place that are searched for an unclosed string or comment where text does not parse."""

_CODE_IN_STRINGS = frozenset(
    ("interpolation", "template_substitution", "string_interpolation", "command_substitution", "expansion")
)
_CHARACTERS = frozenset(("char_literal", "character_literal", "rune_literal"))
_MEMBERS = ("attribute", "member", "field", "selector", "navigation", "scoped", "method_invocation")
_LISTS = ("block", "body", "statements", "statement_list", "body_statement", "then")
"""Ends of the types of nodes that hold statements and may begin where the first of them does."""

_DECLARING = frozenset(("left", "name", "pattern", "alias", "parameter", "declarator", "parameters"))
_NO_DECLARATION = ("call", "invocation", *_MEMBERS[:4])


class Syntax:
    """A parsed text. Offsets are characters of the text.

    `tree` is a parse of `text` that exists already; without it the text is parsed here.
    """

    def __init__(self, language: str, text: str, tree: Tree | None = None) -> None:
        self._language, self._text = language, text
        self._data = text.encode(errors="replace")
        self._tree = tree or parser(language).parse(self._data)
        self._errors: int | None = None

    @classmethod
    def of(cls, language: str, text: str) -> Self | None:
        """Parse a text; None if its language has no grammar."""
        return cls(language, text) if language in LANGUAGES else None

    @property
    def errors(self) -> int:
        """The places where the text does not parse: nodes in error and nodes that are missing."""
        if self._errors is None:
            self._errors, pending = 0, [self._tree.root_node]
            while pending:
                node = pending.pop()
                self._errors += node.is_error or node.is_missing
                pending += [child for child in node.children if child.has_error or child.is_missing]
        return self._errors

    def region(self, at: int) -> Region:
        """Return what the text is between the characters around a place.

        What is not closed yet, as while it is typed, is no string or comment to the grammar.
        """
        region = self._parsed(at)
        if region is not Region.CODE or not self._tree.root_node.has_error:
            return region
        return lexed(self._language, self._text[self._line_of_code(at) : at])

    def _parsed(self, at: int) -> Region:
        byte = self._byte(at)
        node = self._tree.root_node.descendant_for_byte_range(max(0, byte - 1), byte)
        while node is not None and node.type not in _CODE_IN_STRINGS:
            inside = node.start_byte < byte < node.end_byte
            if "comment" in node.type:
                # A comment to the end of its line takes in what is typed behind it.
                last = self._data[node.start_byte : node.end_byte].rstrip()
                if inside or (byte >= node.end_byte and not last.endswith((b"*/", b"-->", b"*)"))):
                    return Region.COMMENT
            if inside and node.is_named and _is_string(node.type):
                return Region.STRING
            node = node.parent
        return Region.CODE

    def _line_of_code(self, at: int) -> int:
        """Return the start of the first line within the window that begins in code."""
        start = self._text.rfind("\n", 0, max(0, at - _WINDOW)) + 1
        while self._parsed(start) is not Region.CODE and (end := self._text.find("\n", start, at)) >= 0:
            start = end + 1
        return start

    def replaced(self, start: int, end: int, text: str) -> "Syntax":
        """Return the parse with `text` in place of characters `start` to `end`."""
        first, last = self._byte(start), self._byte(end)
        new = self._text[:start] + text + self._text[end:]
        stop = first + len(text.encode(errors="replace"))
        tree = self._tree.copy()
        data = new.encode(errors="replace")
        tree.edit(first, last, stop, _point(self._data, first), _point(self._data, last), _point(data, stop))
        return Syntax(self._language, new, parser(self._language).parse(data, tree))

    def statement_end(self, at: int) -> int:
        """Return the end of the outermost statement that starts at a place, where some text starts."""
        byte = self._byte(at)
        node = self._tree.root_node.descendant_for_byte_range(byte, byte + 1)
        if node is None or node.start_byte != byte:
            return at
        while node.parent and node.parent.start_byte == byte and not _holds_statements(node.parent):
            node = node.parent
        return len(self._data[: node.end_byte].decode(errors="replace"))

    def names(self, start: int, end: int) -> Iterator[Name]:
        """Yield the identifiers that lie in characters `start` to `end`, or partly so."""
        first, last = self._byte(start), self._byte(end)
        pending = [self._tree.root_node]
        while pending:
            node = pending.pop()
            if not node.child_count and node.type.endswith("identifier"):
                yield _name(node)
            pending += [
                child
                for child in reversed(node.named_children)
                if child.start_byte < last and child.end_byte > first
            ]

    def _byte(self, character: int) -> int:
        return character if self._text.isascii() else len(self._text[:character].encode(errors="replace"))


def lexed(language: str, text: str) -> Region:
    """Return what a text ends within, by its quotes and comment signs alone."""
    open_ = unclosed(language, text)
    if not open_:
        return Region.CODE
    return Region.STRING if open_[0] in "\"'`" else Region.COMMENT


def _is_string(type_: str) -> bool:
    # Between two strings that the grammar takes for one there is code.
    return ("string" in type_ and type_ != "concatenated_string") or type_ in _CHARACTERS


def _holds_statements(node: Node) -> bool:
    return node.parent is None or node.type.endswith(_LISTS)


def _name(node: Node) -> Name:
    parent, text = node.parent, (node.text or b"").decode(errors="replace")
    if parent is None:
        return Name(text, False, False)
    index = next((i for i, child in enumerate(parent.children) if child == node), 0)
    member = index > 0 and any(word in parent.type for word in _MEMBERS)
    field = parent.field_name_for_child(index)
    declared = (
        field in _DECLARING and not any(word in parent.type for word in _NO_DECLARATION)
    ) or "parameter" in parent.type
    return Name(text, member, declared and not member)


def _point(data: bytes, byte: int) -> tuple[int, int]:
    return data.count(b"\n", 0, byte), byte - (data.rfind(b"\n", 0, byte) + 1)
