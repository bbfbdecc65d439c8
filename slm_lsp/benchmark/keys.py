"""What is typed: lines of real files, key by key, each after as long as a person takes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_lsp.errors import UsageError

INTERVAL, SPREAD = 0.238, 0.111
"""Mean and standard deviation of the seconds between two keys, over 168,000 people (Dhakal, Feit, Kristensson
and Oulasvirta 2018, "Observations on typing from 136 million keystrokes")."""

THOUGHT = 1.0
"""Seconds before the first key of a line."""

FULL_SPEED = 0.02
"""Seconds between keys that are held down or pasted by a macro."""

SHORTEST = 12
"""Characters of a line, without its indentation, that is worth typing."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: `text` goes in at `line` and `column` (UTF-16 units), `pause` seconds after the key before.

    Where the cursor was elsewhere, it is `placed` there when the pause begins.
    """

    line: int
    column: int
    text: str
    pause: float
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A document to open and what is typed into it."""

    path: Path
    text: str
    keys: tuple[Key, ...]


def script(path: Path, lines: int, seed: int) -> Script:
    """Take some lines out of a file, and return the keys that type them again, from top to bottom.

    Raises:
        UsageError: it can't be read, or has no line worth typing.
    """
    try:
        whole = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be typed ({error}); name a source file.") from error
    rng = random.Random(seed)
    worth = [at for at, line in enumerate(whole) if at and len(line.strip()) >= SHORTEST and line.isascii()]
    if not worth:
        raise UsageError(f"{path} has no line that is worth typing; name a longer file.")
    chosen = sorted(rng.sample(worth, min(lines, len(worth))))
    keys: list[Key] = []
    for at in chosen:
        keys += _line(whole, at, rng)
    left = [line for at, line in enumerate(whole) if at not in set(chosen)]
    return Script(path, "\n".join(left) + "\n", tuple(keys))


def _line(whole: Sequence[str], at: int, rng: random.Random) -> list[Key]:
    """Return the keys of one line: Enter at the end of the line above, which indents, and its characters."""
    line = whole[at]
    indent = line[: len(line) - len(line.lstrip())]
    keys = [Key(at - 1, len(whole[at - 1].encode("utf-16-le")) // 2, "\n" + indent, THOUGHT, placed=True)]
    keys += (Key(at, column, line[column], _interval(rng)) for column in range(len(indent), len(line)))
    return keys


def _interval(rng: random.Random) -> float:
    # The shape is that of a gamma distribution: never negative, with a tail of hesitation.
    shape = (INTERVAL / SPREAD) ** 2
    return rng.gammavariate(shape, INTERVAL / shape)
