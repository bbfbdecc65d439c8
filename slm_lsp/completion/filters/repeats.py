"""Text that is there already, above, below or within the suggestion itself."""

from itertools import islice, takewhile

from slm_lsp.completion.extent import above_of
from slm_lsp.completion.filters.base import Candidate, Place
from slm_lsp.completion.request import Reason
from slm_lsp.completion.rounds import first_round
from slm_lsp.completion.stopping import TELLING, indentation

BLOCK, REACH = 8, 2000
"""Lines and characters below the cursor in which the rest of its block is looked for."""

LETTERS = 4
"""Letters that a line must have to say anything: closing brackets, ``else`` and the like may come again."""

_COMMON = frozenset(("else", "pass", "break", "continue", "return", "try", "finally", "end", "done", "fi"))


class Repetition:
    """Cut where the text goes round in circles: to the lines before, or else to the first round."""

    name = "repetition"
    reason = Reason.REPEATS_ITSELF

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        # The loop need not be the last thing that was written, nor is a lone first round worth anything.
        lines = one.text.splitlines(keepends=True)
        length = 0
        for index, line in enumerate(lines):
            if first_round(one.text[: length + len(line)]) is not None:
                start = length if first_round(line) is not None else self._first_copy(lines, index)
                return one.cut(len(one.text[:start].rstrip()))
            whole = line + place.around.rest[one.replaces :] if index == len(lines) - 1 else line
            if index and says_something(line) and whole.rstrip() == lines[index - 1].rstrip():
                return one.cut(len(one.text[:length].rstrip()))
            length += len(line)
        return one

    @staticmethod
    def _first_copy(lines: list[str], last: int) -> int:
        """Return where the lines end that are not yet copies of earlier ones."""
        seen, length = set[str](), 0
        for line in lines[:last]:
            if says_something(line) and line.strip() in seen:
                break
            seen.add(line.strip())
            length += len(line)
        return length


class RepeatsBelow:
    """Cut where the text goes over into the lines below the cursor, however they are indented.

    A line of some length that stands further down in the same block ends the text as well.
    """

    name = "text below"
    reason = Reason.REPEATS_SUFFIX

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        below = [line.strip() for line in place.around.following]
        if not below:
            return one
        length, starts, lines, widths = 0, list[int](), list[str](), list[int]()
        for index, line in enumerate(one.text.split("\n")):
            whole = line if index else place.around.line + line
            if whole.strip():
                starts.append(length)
                widths.append(indentation(whole))
                lines.append(whole.strip())
            length += len(line) + 1
        block = self._block(place, widths[0]) if widths else []
        for index, line in enumerate(lines):
            if (widths[index], line) in block:
                return one.cut(len(one.text[: starts[index]].rstrip()) if index else 0)
            if not (says_something(below[0]) and alike(line, below[0])):
                continue
            # Only if it goes on like the text below, as far as it goes on.
            if len(lines) == index + 1 or len(below) == 1 or alike(lines[index + 1], below[1]):
                return one.cut(len(one.text[: starts[index]].rstrip()) if index else 0)
        return one

    @staticmethod
    def _block(place: Place, width: int) -> list[tuple[int, str]]:
        """Return the telling lines that follow in a block so far indented, each with its own indentation."""
        lines = (line for line in place.around.after[:REACH].split("\n")[1:] if line.strip())
        inside = takewhile(lambda line: indentation(line) >= width, islice(lines, BLOCK))
        return [
            (indentation(line), bare)
            for line in inside
            if len(bare := line.strip()) >= TELLING and says_something(bare)
        ]


class RepeatsAbove:
    """Reject a line that only repeats the one above it."""

    name = "line above"
    reason = Reason.REPEATS_ABOVE

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        around = place.around
        lines = (around.line + one.text).split("\n")
        if len(lines) == 1:
            lines[0] += around.rest[one.replaces :]
        # The text may begin below the cursor's line: then that is the line above.
        below = bool(around.line.strip()) and not one.text.partition("\n")[0].strip()
        above = around.line if below else above_of(around)
        first = next((line for line in lines[below:] if line.strip()), "")
        return one.cut(0) if says_something(above) and first.rstrip() == above.rstrip() else one


class AlreadyThere:
    """Reject a text that stands behind the cursor already."""

    name = "already there"
    reason = Reason.REPEATS_SUFFIX

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        text, rest = one.text.strip(), place.around.rest.strip()
        if not text or not rest:
            return one
        there = text == rest or (one.replaces and text == place.around.after[: one.replaces].strip())
        return one.cut(0) if there else one


def says_something(line: str) -> bool:
    """Whether a line is unlikely to stand twice in a place by chance."""
    bare = line.strip(" \t;:{}()[],")
    return sum(map(str.isalpha, bare)) >= LETTERS and bare not in _COMMON


def alike(line: str, other: str) -> bool:
    """Whether two lines are the same but for white space.

    A distance of a character or two, as others allow, takes ``b = f(b)`` for a copy of ``a = f(a)``.
    """
    return "".join(line.split()) == "".join(other.split())
