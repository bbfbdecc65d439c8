"""Stop rules: run on the text as it comes, so that nothing is decoded to be thrown away.

Texts here are what follows the cursor in the suggestion, with ``\\n`` for line endings.
"""

import time
from dataclasses import dataclass
from typing import Protocol

OPENERS = (":", "{", "(", "[", "=>", "->")
"""A line that ends so opens a block or a bracketed list, in nearly every language."""


class StopRule(Protocol):
    """Decides where a growing text must end."""

    @property
    def name(self) -> str:
        """What the reason trail calls it."""

    def cut(self, text: str) -> int | None:
        """Return the length to which `text` is cut, or None to go on."""


def indentation(line: str) -> int:
    """Return the width of a line's leading white space, a tab counting to the next multiple of 4."""
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def wants_block(before: str, rest: str) -> bool:
    """Whether several lines may come: the cursor stands on a blank line or after what opens a block.

    `before` is the text before the cursor, `rest` the rest of its line.
    """
    line = before[before.rfind("\n") + 1 :].rstrip()
    return not rest.strip() and (not line or line.endswith(OPENERS))


@dataclass(frozen=True, slots=True)
class OneLine:
    """End at the end of the line."""

    name: str = "end of the line"

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        end = text.find("\n")
        return None if end < 0 else end


@dataclass(frozen=True, slots=True)
class Block:
    """End a block: at a blank line, at the first line indented less than its first, or after `max_lines`.

    `column` is the indentation of the cursor's line if the block's first line begins there; None when the
    block begins on the next line.
    """

    max_lines: int
    column: int | None = None
    name: str = "end of the block"

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        start, seen, floor = 0, 0, self.column
        while (end := text.find("\n", start)) >= 0:
            line = text[start:end]
            if line.strip():
                # The first piece goes on from the cursor: its leading space says nothing of its indentation.
                if start or self.column is None:
                    width = indentation(line)
                    floor = width if floor is None else floor
                    if width < floor:
                        return max(0, start - 1)
                seen += 1
                if seen >= self.max_lines:
                    return end
            elif seen:
                return start - 1 if start else end
            start = end + 1
        # An unfinished line that is already indented less will not become part of the block.
        last = text[start:]
        if start and floor is not None and last.strip() and indentation(last) < floor:
            return start - 1
        return None


@dataclass(frozen=True, slots=True)
class SuffixMet:
    """End where the text comes to the line that already follows the cursor's line.

    `following` is the first line after the cursor's that is not blank, or "".
    """

    following: str
    name: str = "met the text that follows"

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        wanted = self.following.rstrip()
        if not wanted:
            return None
        start = text.find("\n") + 1
        while start and (end := text.find("\n", start)) >= 0:
            if text[start:end].rstrip() == wanted:
                return start - 1
            start = end + 1
        return None


class TimeLimit:
    """End at the next line's end once the time is up; the first line always completes."""

    name = "time limit"

    def __init__(self, milliseconds: float) -> None:
        self._end = time.monotonic() + milliseconds / 1e3

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        if time.monotonic() < self._end:
            return None
        end = text.rfind("\n")
        return end if text[: max(end, 0)].strip() else None
