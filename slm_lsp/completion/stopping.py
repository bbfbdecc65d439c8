"""Stop rules: run on the text as it comes, so that nothing is decoded to be thrown away.

Texts here are what follows the cursor in the suggestion, with ``\\n`` for line endings.
"""

import re
import time
from collections.abc import Sequence
from typing import Protocol

from slm_lsp.completion.rounds import first_round

_WORD = re.compile(r"\w+")

GOING_ON = ("else", "elif", "elsif", "except", "finally", "catch", "case", "when", "then", "end", "and", "or")
"""Words that begin a line and still belong to the statement above."""

TELLING = 16
"""Characters of a line, without its indentation, from which it is unlikely to stand in a place twice."""


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


class OneLine:
    """End at the end of the line; on a blank line, at the end of the first one that is not."""

    name = "end of the line"

    def __init__(self, *, blank: bool = False) -> None:
        self._blank = blank

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        end = text.find("\n", len(text) - len(text.lstrip()) if self._blank else 0)
        return None if end < 0 else end


class Looping:
    """End where the text has begun to go round in circles."""

    name = "repetition"

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        return first_round(text)


class LineLimit:
    """End after so many lines that are not blank."""

    name = "line limit"

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        if text.count("\n") < self._max_lines:
            return None
        start = seen = 0
        while (end := text.find("\n", start)) >= 0:
            seen += bool(text[start:end].strip())
            if seen >= self._max_lines:
                return end
            start = end + 1
        return None


class Dedent:
    """End before the first line indented less than the block's first line.

    `line` is the cursor's line up to the cursor: the block begins there if it is blank, else in the next one.
    The block may fall back to the indentation `floor`.
    """

    name = "end of the block"

    def __init__(self, line: str, floor: int | None = None) -> None:
        self._line, self._floor = line, floor

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        start, least = 0, None
        for index, line in enumerate(text.split("\n")):
            whole = line if index else self._line + line
            if whole.strip() and (index or not self._line.strip()):
                width = indentation(whole)
                if least is None:
                    least = width if self._floor is None else min(width, self._floor)
                # A line need not be finished to show that it is not part of the block.
                elif width < least:
                    return start - 1
            start += len(line) + 1
        return None


class StatementEnd:
    """End before the second statement: the next line at the first one's indentation that begins anew.

    `line` is the cursor's line up to the cursor, a blank one.
    """

    name = "end of the statement"

    def __init__(self, line: str) -> None:
        self._line = line

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        start, first = 0, None
        for index, line in enumerate(text.split("\n")):
            whole = line if index else self._line + line
            if whole.strip():
                if first is None:
                    first = indentation(whole)
                elif indentation(whole) <= first and not self._goes_on(line.strip()):
                    return start - 1
            start += len(line) + 1
        return None

    @staticmethod
    def _goes_on(line: str) -> bool:
        word = _WORD.match(line)
        if not word:
            return True  # a bracket, an operator, or nothing yet
        # A word that is still being written may become one of those that go on.
        unfinished = word.end() == len(line)
        return any(one.startswith(word[0]) if unfinished else one == word[0] for one in GOING_ON)


class BlankLine:
    """End at a blank line below one that is not."""

    name = "blank line"

    def __init__(self, line: str) -> None:
        self._begun = bool(line.strip())

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        start, begun = 0, self._begun
        while (end := text.find("\n", start)) >= 0:
            if text[start:end].strip():
                begun = True
            elif begun and start:
                return start - 1
            start = end + 1
        return None


class SuffixMet:
    """End where the text comes to the lines that already follow the cursor's line.

    `following` are the first lines after the cursor's that are not blank, two of them are enough. One that is
    short may well stand in the hole too, so it needs the second; every line does if the model `fills`: it
    knows what follows and would have ended before it.
    """

    name = "met the text that follows"

    def __init__(self, following: Sequence[str], *, fills: bool = False) -> None:
        self._wanted = [line.rstrip() for line in following[:2]]
        if self._wanted and not fills and len(self._wanted[0].strip()) >= TELLING:
            del self._wanted[1:]

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        wanted, count = self._wanted, len(self._wanted)
        if not wanted or wanted[0] not in text:
            return None
        start, lines, starts = text.find("\n") + 1, list[str](), list[int]()
        while start and (end := text.find("\n", start)) >= 0:
            if line := text[start:end].rstrip():
                lines.append(line)
                starts.append(start)
                if lines[-count:] == wanted:
                    return starts[-count] - 1
            start = end + 1
        return None


class RestMet:
    """End where the text has written the rest of the cursor's line, which stands there already."""

    name = "met the rest of the line"

    def __init__(self, rest: str) -> None:
        self._rest = rest.strip()

    def cut(self, text: str) -> int | None:
        """See `StopRule.cut`."""
        start = 0
        while self._rest and (end := text.find("\n", start)) >= 0:
            line = text[start:end].rstrip()
            if line.endswith(self._rest):
                return start + len(line) - len(self._rest)
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
