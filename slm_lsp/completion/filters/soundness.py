"""Whether the file is still sound with the suggestion in it: its brackets, its syntax, its names."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from slm_lsp.completion.extent import Extent
from slm_lsp.completion.filters.base import Candidate, Place
from slm_lsp.completion.request import Reason
from slm_lsp.context.builtins import builtins
from slm_lsp.context.syntax import Region

_LEXEME = re.compile(r"\s*(?:\w+|[^\w\s])")
_WORD = re.compile(r"[^\W\d]\w*")
_TORN = re.compile(r"[^\W\d]\w*\Z")

Known = Callable[[set[str]], set[str]]
"""Returns those of some names that are known from elsewhere."""

PARSES = 12
"""How many shorter versions of a text are parsed at most; each costs a millisecond or so."""


class OneStatement:
    """Cut a text that was to be one statement to the node of the tree that begins on the cursor's row."""

    name = "statement"
    reason = Reason.EMPTY

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        if place.extent is not Extent.STATEMENT or place.syntax is None or "\n" not in one.text.strip():
            return one
        at = len(place.around.before)
        first = at + len(one.text) - len(one.text.lstrip())
        end = place.syntax.replaced(at, at + one.replaces, one.text).statement_end(first) - at
        # A node that ends on the first line is an expression of a statement that does not parse.
        return one.cut(end) if "\n" in one.text[:end].strip() else one


class Balance:
    """Cut a text back to where it leaves no bracket without its partner."""

    name = "brackets"
    reason = Reason.UNBALANCED

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        if not one.text.strip() or place.region is not Region.CODE:
            return one
        if not place.unbalanced_by(one.text, one.replaces):
            return one
        line = one.text.rstrip()
        head = line.removesuffix("{").rstrip()
        opens = bool(head) and head != line and not place.around.rest.strip()
        if opens and not place.unbalanced_by(head, one.replaces):
            return replace(one.cut(len(head)), opened="{")
        for end in shorter(one.text):
            if not place.unbalanced_by(one.text[:end], one.replaces):
                return replace(one.cut(end), mended=True)
        return one.cut(0)


class SyntaxErrors:
    """Cut a text back to where it parses no worse than the file does without it.

    What leads up to a block is judged with the block.
    """

    name = "syntax"
    reason = Reason.SYNTAX

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        if not one.text.strip() or place.syntax is None or place.region is not Region.CODE:
            return one
        now = place.syntax.errors
        block = " {}" if one.opened else ""
        errors = place.errors_with(one.text + block, one.replaces)
        if errors is None or errors <= now:
            return one
        tried = 0
        for end in shorter(one.text):
            text = one.text[:end]
            if place.unbalanced_by(text, one.replaces):
                continue
            tried += 1
            errors = place.errors_with(text, one.replaces)
            if errors is not None and errors <= now:
                return replace(one.cut(end), mended=True)
            if tried == PARSES:
                break
        return one.cut(0)


class UnknownNames:
    """Count the names that are found nowhere: members that nobody has, variables that nobody declared.

    They lower the confidence; with `hide` they reject. `known` tells which of some names other files define.
    """

    name = "unknown names"
    reason = Reason.UNKNOWN_NAMES

    def __init__(self, *, hide: bool, known: Known) -> None:
        self._hide, self._known = hide, known

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        given = builtins(place.language)
        if not one.text.strip() or place.syntax is None or given is None or place.region is not Region.CODE:
            return one
        around, at = place.around, len(place.around.before)
        # The word that is being written is not known by its own beginning.
        torn = _TORN.search(around.before)
        words = {*_WORD.findall(around.before[: torn.start()] if torn else around.before)}
        words |= {*_WORD.findall(around.after), *given}
        names = list(place.syntax.replaced(at, at + one.replaces, one.text).names(at, at + len(one.text)))
        words |= {name.text for name in names if name.declared}
        unknown = {name.text for name in names} - words
        unknown -= self._known(unknown) if unknown else set()
        if not unknown:
            return one
        return one.cut(0) if self._hide else replace(one, unknown=len(unknown))


def shorter(text: str) -> Iterator[int]:
    """Yield, descending, where a text may be cut: at its lines' ends, and between words of the first."""
    first = text.find("\n", len(text) - len(text.lstrip()))
    lines = first if first >= 0 else len(text)
    end = len(text)
    while (end := text.rfind("\n", lines, end)) >= lines and first >= 0:
        if text[:end].strip():
            yield end
    ends = [match.end() for match in _LEXEME.finditer(text, 0, lines)]
    yield from reversed(ends[:-1])
