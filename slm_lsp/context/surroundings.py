"""The text around the cursor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from slm_lsp.text.snapshot import Snapshot

REACH = 100_000
"""Characters looked at on each side of the cursor: more than any token budget holds, and no more work in a
huge file than in a small one."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Text before and after the cursor, with ``\\n`` for line endings."""

    before: str
    after: str

    @property
    def line(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def rest(self) -> str:
        """The rest of the cursor's line."""
        return self.after.partition("\n")[0]

    @property
    def following(self) -> tuple[str, ...]:
        """The first two lines after the cursor's that are not blank, as far as there are any."""
        below = self.after.partition("\n")[2].split("\n")
        return tuple(islice((line for line in below if line.strip()), 2))


def gather(
    document: Snapshot,
    line: int,
    start: int,
    end: int,
    entry: str = "",
    preceding: Sequence[str] = (),
    following: Sequence[str] = (),
) -> Surroundings:
    """Gather the text around the cursor as it would be with `entry` in place of columns `start` to `end`.

    `preceding` and `following` are the notebook cells around the document. At most about `REACH`
    characters are read each way.
    """
    text = document.lines[line]
    above = _take(chain(reversed(document.lines[:line]), (f"{cell}\n" for cell in reversed(preceding))))
    below = _take(chain(document.lines[line + 1 :], (f"\n{cell}" for cell in following)))
    return Surroundings(
        before=_newlines("".join(reversed(above)) + text[:start] + entry),
        after=_newlines(text[end:] + "".join(below)),
    )


def _take(pieces: Iterable[str]) -> list[str]:
    taken, left = [], REACH
    for piece in pieces:
        taken.append(piece)
        left -= len(piece)
        if left < 0:
            break
    return taken


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
