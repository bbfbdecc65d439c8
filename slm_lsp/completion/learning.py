"""Learns how loud memory may speak: what it said where a prompt ended, and what was typed there."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.memory import disk
from slm_lsp.memory.learning import Learning
from slm_lsp.memory.recall import Noted
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary

log = logging.getLogger(__name__)

VERSION = 2
"""Of the file; another version's is made anew."""

TYPED = 200
"""Characters of what was typed that are looked at: far more than its first token needs."""

_GROWING = re.compile(r"\s*\w*\Z")
"""The word at the end of what was typed."""


class Kept(NamedTuple):
    """Where it is kept what was learned, and the folders of the workspace."""

    file: Path
    roots: Sequence[Path]


class _Place(NamedTuple):
    """A place in a line of a document, before the cursor, and what was said of what comes next there."""

    document: Snapshot
    row: int
    column: int
    cursor: int
    said: Remembered
    entropy: float
    logs: NDArray[np.float64]

    def typed(self, now: Snapshot) -> str:
        """Return what stands there now that was not after the cursor; nothing if that can't be told."""
        then, lines = self.document.lines, now.lines
        if len(lines) <= self.row or lines[: self.row] != then[: self.row]:
            return ""
        line, before, after = lines[self.row], then[self.row][: self.column], then[self.row][self.cursor :]
        if not line.startswith(before):
            return ""
        if line.endswith(after):
            return line[self.column : max(self.column, len(line) - len(after))]
        # The line was broken: what was after the cursor is further down, if it was anything.
        return "" if after.strip() else line[self.column :]


class Learner:
    """Learns in the tokens of one vocabulary, for one workspace.

    `kept` says where that is kept, if it is. `save` may be called from any thread, all else is for the
    engine's.
    """

    def __init__(self, vocabulary: Vocabulary, kept: Callable[[], Kept | None]) -> None:
        self._vocabulary, self._kept = vocabulary, kept
        self._learning: Learning | None = None
        self._place: _Place | None = None
        self.unsaved = 0
        """How often something was learned that is not to be saved yet; set to 0 by whoever has it saved."""

    @property
    def louder(self) -> tuple[float, ...]:
        """What is added to the loudness of each voice."""
        if self._learning is None:
            kept = self._kept()
            self._learning = Learning(*_read(kept.file, self._vocabulary.digest) if kept else ())
        return self._learning.louder

    def at(self, document: Snapshot, row: int, column: int, cursor: int) -> Noted:
        """Return what is told what memory and model say at a place, where the cursor is further on."""

        def noted(said: Remembered, entropy: float, logs: NDArray[np.float64]) -> None:
            self._place = _Place(document, row, column, cursor, said, entropy, logs)

        return noted

    def look(self, now: Snapshot | None) -> None:
        """Learn from the last place if it is in this document, as it is now, and a token was typed there."""
        place = self._place
        if not (place and now and self._learning) or place.document.uri != now.uri:
            return
        typed = place.typed(now)[:TYPED]
        first, *_ = self._vocabulary.encode(typed) or [-1]
        # A word may become another one, of other tokens, while it grows.
        if first >= 0 and len(self._vocabulary.decode([first])) <= len(_GROWING.sub("", typed)):
            self._place = None
            self._learning.learn(place.said, place.entropy, place.logs, first)
            self.unsaved += 1

    def save(self) -> None:
        """Write what was learned: numbers alone."""
        if self._learning is None or not (kept := self._kept()):
            return
        said = {
            "version": VERSION,
            "key": self._vocabulary.digest,
            "roots": list(map(str, kept.roots)),
            "numbers": self._learning.numbers,
        }
        try:
            disk.write(kept.file, [json.dumps(said).encode()])
        except OSError as error:
            log.info("what was learned could not be written: %s", error)


def roots(file: Path) -> list[Path] | None:
    """Return the folders of the workspace that a file was learned in; None if it is not whole."""
    try:
        return [Path(one) for one in json.loads(file.read_bytes())["roots"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(file: Path, key: str) -> tuple[list[float], ...]:
    """Return the numbers that a file has for a vocabulary, if it is whole."""
    try:
        said = json.loads(file.read_bytes())
        numbers = list(map(float, said["numbers"]))
        known = (said["version"], said["key"], len(numbers)) == (VERSION, key, len(Learning().numbers))
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return (numbers,) if known else ()
