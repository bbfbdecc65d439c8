"""Which names may stand where a text ends: after a dot, in an import, as a keyword at a call."""

import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from cachetools import LRUCache

from slm_lsp.context.modules import Members
from slm_lsp.context.types import Types

log = logging.getLogger(__name__)

NEAR = 600
"""Characters in which the beginning of an import or a call is looked for."""

LONGEST = 100
"""Characters of a name, or of a receiver with its dots."""

KEPT = 16
"""Receivers and calls that are remembered."""

_BEGUN = re.compile(r"\w*\Z")
_RECEIVER = re.compile(r"(?<![\w.)\]>:\"'])([^\W\d]\w*(?:(?:\.|\?\.|->)[^\W\d]\w*)*)(?:\.|\?\.|->|::)\Z")
_IMPORT = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]*(?:\((?:[\w\s,]|#.*)*|[\w \t,]*)\Z", re.M)
_MODULE = re.compile(r"^[ \t]*(?:from|import)[ \t]+[\w.]+\Z", re.M)
_BRACKET = re.compile(r"[][(){}]")
_CALLED = re.compile(r"(?<![\w.)\]])([^\W\d][\w.]*)\Z")
_PARAMETER = re.compile(r"\s*(\*{0,2})([^\W\d]\w*)?")
_GIVEN = re.compile(r"([^\W\d]\w*)\s*=(?!=)")


class Kind(Enum):
    """Why a name may stand there; the value is what the user reads."""

    OWN = "members of the class around it"
    MEMBER = "members"
    IMPORT = "names to import"
    KEYWORD = "keyword arguments"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The names that may stand where a text ends with `begun`, the beginning of one of them.

    `whole` says whether there are no others, as far as the code tells.
    """

    kind: Kind
    names: frozenset[str]
    begun: str
    whole: bool


class Scope:
    """What may be named in a line of a file, by what `types` knows of it. Not thread-safe."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._python = types.language == "python"
        self._kept: LRUCache[tuple[Kind, str, str], Members | None] = LRUCache(KEPT)

    def allowed(self, text: str) -> Allowed | None:
        """Return what may be named where a text ends; None where nothing is known of that.

        Variables are what the text says of them.
        """
        try:
            return self._allowed(text)
        except sqlite3.Error as error:
            # Whoever asks for the context as a whole sees to an index that is damaged.
            log.warning("the index could not be asked: %s", error)
            return None

    def _allowed(self, text: str) -> Allowed | None:
        match = _BEGUN.search(text, max(0, len(text) - LONGEST))
        begun = match[0] if match else ""
        before = text[: len(text) - len(begun)]
        last = before.rstrip()[-1:]
        if self._python and (last in ("t", ",", "(") and (module := self._imported(before))):
            more = ("(",) if last == "t" else ()
            return _allowed(Kind.IMPORT, self._types.module(module), begun, more)
        if before.endswith((".", "->", "::")):
            receiver = _RECEIVER.search(before, max(0, len(before) - LONGEST, before.rfind("\n")))
            if not receiver or (self._python and _MODULE.search(before[-NEAR:-1])):
                return None
            kind = Kind.OWN if receiver[1] in self._types.selves else Kind.MEMBER
            return _allowed(kind, self._known(kind, receiver[1], before), begun)
        # Most arguments are not given by name: nothing is known before the first letter.
        if self._python and begun and last in (",", "(") and (call := _open_call(before)):
            called, at = call
            members = self._known(Kind.KEYWORD, called, before[:at])
            given = [f"{name}=" for name in _GIVEN.findall(before, at)]
            return _allowed(Kind.KEYWORD, members, begun, less=given)
        return None

    def _imported(self, before: str) -> str:
        """Return the Python module of which names are imported where a text ends, or ""."""
        near = before[-NEAR:]
        match = _IMPORT.search(near, max(0, near.rfind("from ") - LONGEST)) if "import" in near else None
        return match[1] if match else ""

    def _known(self, kind: Kind, name: str, before: str) -> Members | None:
        key = kind, name, before
        if key not in self._kept:
            if kind is Kind.KEYWORD:
                found = parameters(self._types.signature(name, before))
                self._kept[key] = Members(frozenset(f"{one}=" for one in found), False)
            else:
                self._kept[key] = self._types.members(name, before)
        return self._kept[key]


def parameters(signature: str) -> Iterator[str]:
    """Yield the parameters of a Python function that can be given by name."""
    start = signature.find("(", max(0, signature.find("def ")))
    depth, first, names = 0, start + 1, list[str]()
    for at in range(start, len(signature)) if start >= 0 else ():
        sign = signature[at]
        depth += (sign in "([{") - (sign in ")]}")
        if (sign == "," and depth == 1) or not depth:
            match = _PARAMETER.match(signature, first)
            if match and not match[1] and match[2]:
                names.append(match[2])
            elif signature[first:at].strip() == "/":
                names.clear()
            first = at + 1
        if not depth:
            break
    yield from (name for index, name in enumerate(names) if index or name not in ("self", "cls"))


def _allowed(
    kind: Kind, members: Members | None, begun: str, more: Sequence[str] = (), less: Sequence[str] = ()
) -> Allowed | None:
    if not members:
        return None
    names = members.names.union(more).difference(less) if more or less else members.names
    return Allowed(kind, names, begun, members.whole) if any(map(_begins(begun), names)) else None


def _begins(begun: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(begun)


def _open_call(text: str) -> tuple[str, int] | None:
    """Return what is called by the bracket that is open where a text ends, and where that stands."""
    depth = 0
    for match in reversed([*_BRACKET.finditer(text, max(0, len(text) - NEAR))]):
        if match[0] in ")]}":
            depth += 1
        elif depth:
            depth -= 1
        else:
            at = match.start()
            called = _CALLED.search(text, max(0, at - LONGEST), at) if match[0] == "(" else None
            return (called[1], at) if called else None
    return None
