"""What the names in a line stand for: classes with their members, modules, functions; by their definitions.

No type checker: a variable is what it is said to be where it is declared, or what is called for its value.
"""

import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.definitions import meant
from slm_lsp.context.elsewhere import MOST, Elsewhere
from slm_lsp.context.modules import Members, Modules
from slm_lsp.context.symbols import Symbol

SELVES = {
    "python": ("self", "cls"),
    "ruby": ("self",),
    "rust": ("self",),
    "swift": ("self",),
    "lua": ("self",),
}
"""What a class calls the object at hand; `this` elsewhere."""

DEEPEST = 6
"""Bases of bases that are looked at."""

TRIED, FOLLOWED = 3, 3
"""Declarations of a variable that are looked at, the last; and calls whose results' types are asked for."""

_NOTHING = frozenset(("object", "ABC", "Generic", "Protocol"))
"""Python's bases without members of their own."""

_HIDDEN = frozenset(("__getattr__", "__getattribute__"))
"""Methods by which a class has members that nobody declares."""

_MAKERS = frozenset(("__init__", "constructor"))
"""Methods whose parameters' types are those of the fields that are copies of them."""

_WORDS = re.compile(r"[^\W\d]\w*")
_BASES = re.compile(r"^class\s+\w+\s*(?:\[[^]]*\])?\s*\((.*)\)\s*:", re.S)
_NAME = r"\b(?P<name>[^\W\d]\w*)"
_TYPE = r"(?:Optional\[|Annotated\[|type\[|Type\[|[*&]|mut )*[\"']?(?P<type>[^\W\d][\w.]*)"
_CALL = r"(?:await\s+)?(?:new\s+)?(?P<type>[^\W\d][\w.]*)(?:\[[^\]]*\])?\("
_DOT = re.compile(r"\.|\?\.|->")
_RETURNED = re.compile(rf"->\s*{_TYPE}")
_ANNOTATED = re.compile(rf"{_NAME}\s*[?!]?:\s*{_TYPE}")
_ASSIGNED = re.compile(rf"{_NAME}\s*:?=\s*{_CALL}")
_COPIED = re.compile(r"=\s*(?P<of>[^\W\d]\w*)\s*;?\s*\Z")
_ENTERED = re.compile(rf"\b{_CALL}.*\)\s+as\s+{_NAME}")
_TYPE_FIRST = re.compile(rf"\b(?P<type>[^\W\d]\w*)(?:<[^<>()]*>)?[&*\s]+{_NAME}\s*[=;,){{:]")
_TYPE_LAST = re.compile(rf"{_NAME}\s+\*?(?P<type>[^\W\d]\w*)\s*[,)]")
_TYPED_FIRST = _TYPE_FIRST, _ASSIGNED
_ANNOTATING = _ANNOTATED, _ASSIGNED
_DECLARATIONS = {
    "python": (_ANNOTATED, _ASSIGNED, _ENTERED),
    "go": (_TYPE_LAST, _ASSIGNED),
    **dict.fromkeys(("typescript", "typescriptreact", "rust", "kotlin", "swift", "scala"), _ANNOTATING),
}
"""How a language says what a variable is; by its type in front where nothing else is said."""


class Class(NamedTuple):
    """A class: its definition, the file that it is in (None for the one at hand), and its own members."""

    symbol: Symbol
    path: Path | None
    members: tuple[Symbol, ...]


class Types:
    """What is known at a line of a file. Not thread-safe."""

    def __init__(self, parsed: Parsed, line: int, elsewhere: "Elsewhere") -> None:
        self._parsed, self._line, self._elsewhere = parsed, line, elsewhere
        self.language = parsed.snapshot.language
        self.selves = SELVES.get(self.language, ("this",))
        self._followed = 0
        self._classes: dict[str, Class | None] = {}
        self._members: dict[tuple[Path | None, str], Members] = {}
        self._modules = Modules(parsed, elsewhere) if self.language == "python" else None

    def members(self, receiver: str, text: str) -> Members | None:
        """Return the members of what a dotted name stands for at the end of a text; None if it is unknown."""
        if one := self._type_of(receiver, text):
            return self._all(one, DEEPEST)
        return self._modules.called(receiver) if self._modules else None

    def module(self, name: str) -> Members | None:
        """Return what may be imported from a Python module of the workspace; None if it is not there."""
        return self._modules.names(name) if self._modules else None

    def signature(self, called: str, text: str) -> str:
        """Return the signature of what is called by a dotted name at the end of a text, or ""."""
        head, _, name = called.rpartition(".")
        if not head:
            if one := self._class(name):
                made = next((each for each in self._inherited(one) if each.name == "__init__"), None)
                return made.signature if made else _fields(one)
            return self._function(name)
        owner = self._type_of(head, text)
        found = (each for each in self._inherited(owner) if each.name == name) if owner else iter(())
        return next((each.signature for each in found if "(" in each.signature), "")

    def _type_of(self, receiver: str, text: str) -> Class | None:
        head, *rest = _DOT.split(receiver)
        found = self._own if head in self.selves else self._class(head) or self._variable(head, text)
        for name in rest:
            if not found:
                return None
            members = list(self._inherited(found))
            known = (self._declared(one, members) for one in members if one.name == name)
            found = next(filter(None, known), None)
        return found

    def _variable(self, name: str, text: str) -> Class | None:
        """Return the class of a variable, by the last declaration or assignment that tells."""
        found = [
            match
            for pattern in _DECLARATIONS.get(self.language, _TYPED_FIRST)
            for match in pattern.finditer(text)
            if match["name"] == name and match["type"].partition(".")[0] != name
        ]
        for match in sorted(found, key=lambda match: -match.start())[:TRIED]:
            if known := self._named(match["type"], text[: match.start()]):
                return known
        return None

    def _declared(self, symbol: Symbol, members: Sequence[Symbol]) -> Class | None:
        """Return the class of one of some members: what it returns, or what it is declared or made to be."""
        signature, name = symbol.signature, symbol.name
        if match := _RETURNED.search(signature):
            return self._class(match["type"].rpartition(".")[2])
        found = [(_ANNOTATED, signature, name), (_ASSIGNED, signature, name)]
        if match := _COPIED.search(signature):
            makers = [one.signature for one in members if one.name in _MAKERS]
            found += [(_ANNOTATED, maker, match["of"]) for maker in makers]
        for pattern, text, name in found:
            for match in pattern.finditer(text):
                if match["name"] == name and (known := self._named(match["type"], "")):
                    return known
        return None

    def _named(self, name: str, text: str) -> Class | None:
        """Return a class by its dotted name, or what a function of that name returns."""
        if known := self._class(name.rpartition(".")[2]):
            return known
        if not self._python or self._followed == FOLLOWED:
            return None
        self._followed += 1  # a field may be made of itself
        match = _RETURNED.search(self.signature(name, text))
        self._followed -= 1
        return self._class(match["type"].rpartition(".")[2]) if match else None

    @property
    def _python(self) -> bool:
        return self.language == "python"

    @cached_property
    def _own(self) -> Class | None:
        """The class around the line."""
        return self._around(self._symbols) or self._around(self._without_line)

    def _around(self, symbols: Sequence[Symbol]) -> Class | None:
        classes = [one for one in symbols if one.kind in ("class", "scope") and self._encloses(one)]
        return _of(classes[-1], symbols) if classes else None

    def _encloses(self, one: Symbol) -> bool:
        """Whether the line is in a class; a Python class goes on behind its end if the line is deeper."""
        lines, line = self._parsed.snapshot.lines, self._line
        if not self._python or line >= len(lines) or line <= one.start:
            return one.start <= line <= one.end
        between = [*(text for text in lines[one.end + 1 : line] if text.strip()), lines[line]]
        return all(_indent(text) > _indent(lines[one.start]) for text in between)

    @cached_property
    def _without_line(self) -> tuple[Symbol, ...]:
        """What the file defines without the line: half a line may tear the class around it apart."""
        snapshot, at = self._parsed.snapshot, self._line
        lines = (*snapshot.lines[:at], "\n", *snapshot.lines[at + 1 :])
        return Parsed.of(replace(snapshot, lines=lines)).outline.symbols

    @cached_property
    def _symbols(self) -> tuple[Symbol, ...]:
        return self._parsed.outline.symbols

    def _class(self, name: str) -> Class | None:
        if name not in self._classes:
            own = (one for one in self._symbols if one.name == name and one.kind == "class")
            one = next(own, None)
            self._classes[name] = _of(one, self._symbols) if one else self._foreign(name)
        return self._classes[name]

    def _foreign(self, name: str) -> Class | None:
        imports = [one.text for one in self._parsed.outline.imports]
        found = [one for one in self._elsewhere.definitions([name])[name] if one.symbol.kind == "class"]
        choice = meant(found, imports, self._parsed.snapshot.path)
        if not choice:
            return None
        one = choice[1]
        members = self._elsewhere.members(one.path, name, MOST)
        return Class(one.symbol, one.path, tuple(each.symbol for each in members))

    def _function(self, name: str) -> str:
        own = (one for one in self._symbols if one.name == name and one.kind == "function" and not one.owner)
        if one := next(own, None):
            return one.signature
        imports = [one.text for one in self._parsed.outline.imports]
        found = [one for one in self._elsewhere.definitions([name])[name] if one.symbol.kind == "function"]
        choice = meant([one for one in found if not one.symbol.owner], imports, self._parsed.snapshot.path)
        return choice[1].symbol.signature if choice else ""

    def _all(self, one: Class, deepest: int) -> Members:
        key = one.path, one.symbol.name
        if key not in self._members:
            self._members[key] = Members(frozenset(), False)  # a class among its own bases
            self._members[key] = self._gathered(one, deepest)
        return self._members[key]

    def _gathered(self, one: Class, deepest: int) -> Members:
        names = {each.name for each in one.members}
        whole = not names & _HIDDEN and one.symbol.kind == "class"
        if one.path is None:
            names |= set(self._used(one.symbol))
        for base in self._bases(one):
            if isinstance(base, Class) and deepest:
                members = self._all(base, deepest - 1)
                names |= members.names
                whole &= members.whole
            elif isinstance(base, type):
                names |= set(dir(base))
            else:
                whole = False
        return Members(frozenset(name for name in names if not name.startswith("__")), whole)

    def _inherited(self, one: Class, deepest: int = DEEPEST) -> Iterator[Symbol]:
        yield from one.members
        if deepest:
            for base in self._bases(one):
                if isinstance(base, Class):
                    yield from self._inherited(base, deepest - 1)

    def _bases(self, one: Class) -> Iterator[Class | type | None]:
        """Yield the bases of a class; None for one of which nothing is known."""
        signature = one.symbol.signature.rpartition("\n")[2]
        if self._python:
            match = _BASES.search(signature)
            for base in _split(match[1]) if match else ():
                name = base.partition("[")[0].strip().rpartition(".")[2]
                if "=" in base or name in _NOTHING:
                    continue
                python = getattr(builtins, name, None)
                yield self._class(name) or (python if isinstance(python, type) else None)
            return
        for name in _WORDS.findall(signature.partition(one.symbol.name)[2]):
            if name[0].isupper():
                found = self._class(name)
                yield found if found and found.symbol != one.symbol else None

    def _used(self, symbol: Symbol) -> Iterator[str]:
        """Yield the members that a class at hand uses of its own, the cursor's line left out."""
        lines = self._parsed.snapshot.lines
        pattern = re.compile(rf"\b(?:{'|'.join(self.selves)})(?:\.|\?\.|->)([^\W\d]\w*)")
        for at in range(symbol.start, min(symbol.end + 1, len(lines))):
            if at != self._line:
                yield from pattern.findall(lines[at])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _of(symbol: Symbol, symbols: Sequence[Symbol]) -> Class:
    """Return a class of the file at hand, all of whose symbols are given."""
    return Class(symbol, None, tuple(one for one in symbols if one.owner == symbol.name))


def _fields(one: Class) -> str:
    """Return the parameters of a class without a constructor of its own: the fields that it declares."""
    names = [each.name for each in one.members if each.kind == "field" and ":" in each.signature]
    return f"({', '.join(names)})"


def _split(text: str) -> Iterator[str]:
    """Yield the parts of a list, brackets being whole."""
    depth = first = 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth:
            yield text[first:at]
            first = at + 1
    if text[first:].strip():
        yield text[first:]
