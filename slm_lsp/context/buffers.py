"""The open buffers and their syntax trees, which follow each edit on a thread of their own."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from threading import Lock
from typing import Self

from tree_sitter import Point, Tree

from slm_lsp.context import grammars
from slm_lsp.context.symbols import Outline, outline
from slm_lsp.text.document import LineEdit
from slm_lsp.text.snapshot import Snapshot

log = logging.getLogger(__name__)

LARGEST = 4_000_000
"""Characters of the longest document that is parsed, or that is context for others."""

LATEST = 50
"""Other open documents that are looked at: those opened or edited last."""


@dataclass(frozen=True)
class Parsed:
    """A version of a document with its syntax tree, or with none if its language has no grammar."""

    snapshot: Snapshot
    tree: Tree | None

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Parse a document that is not open."""
        if snapshot.language not in grammars.LANGUAGES:
            return cls(snapshot, None)
        source = "".join(snapshot.lines).encode()
        return cls(snapshot, grammars.parser(snapshot.language).parse(source))

    @cached_property
    def source(self) -> bytes:
        """The text in UTF-8, as the tree counts it."""
        return "".join(self.snapshot.lines).encode()

    @cached_property
    def outline(self) -> Outline:
        """What the text defines and imports."""
        return outline(self.snapshot.language, self.tree, self.source) if self.tree else Outline()

    def byte(self, line: int) -> int:
        """Return the bytes before a line."""
        return sum(map(_size, self.snapshot.lines[:line]))


@dataclass(slots=True)
class _Buffer:
    """What is known of an open document; `waiting` are edits that the tree has not followed yet."""

    snapshot: Snapshot
    parsed: Parsed
    sizes: list[int] = field(default_factory=list)
    waiting: list[LineEdit] = field(default_factory=list)
    characters: int = 0
    queued: bool = False
    bare_returns: bool = False


class Buffers:
    """The open documents by URI. Edits are taken in at once; the trees follow on a thread of their own.

    Safe to call from any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._buffers: dict[str, _Buffer] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="slm-parse")

    def open(self, snapshot: Snapshot) -> None:
        """Take a document that was opened."""
        with self._lock:
            self._buffers.pop(snapshot.uri, None)
            buffer = self._buffers[snapshot.uri] = _Buffer(snapshot, Parsed(snapshot, None))
            buffer.characters = sum(map(len, snapshot.lines))
            self._queue(buffer)

    def edit(self, snapshot: Snapshot, edits: Iterable[LineEdit]) -> None:
        """Take a document as its edits left it."""
        with self._lock:
            if buffer := self._buffers.pop(snapshot.uri, None):
                self._buffers[snapshot.uri] = buffer  # the latest is the last
                buffer.snapshot = snapshot
                for edit in edits:
                    buffer.characters += sum(map(len, edit.inserted)) - sum(map(len, edit.removed))
                    buffer.waiting.append(edit)
                self._queue(buffer)

    def close(self, uri: str) -> None:
        """Forget a document that was closed."""
        with self._lock:
            self._buffers.pop(uri, None)

    def get(self, uri: str) -> Parsed | None:
        """Return the last version of a document that was parsed, which may be older than its text."""
        with self._lock:
            buffer = self._buffers.get(uri)
            return buffer.parsed if buffer else None

    def snapshots(self) -> list[Snapshot]:
        """Return the `LATEST` open documents as they are now, without those that are too long."""
        return [buffer.snapshot for buffer in self._latest()]

    def parsed(self) -> list[Parsed]:
        """Return the last version that was parsed of each of these."""
        return [buffer.parsed for buffer in self._latest()]

    def _latest(self) -> list[_Buffer]:
        with self._lock:
            latest = islice(reversed(self._buffers.values()), LATEST)
            return [buffer for buffer in latest if buffer.characters <= LARGEST][::-1]

    def settle(self) -> None:
        """Wait until every tree has followed the edits so far."""
        self._worker.submit(lambda: None).result()

    def shut_down(self) -> None:
        """Stop following edits."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _queue(self, buffer: _Buffer) -> None:
        if not buffer.queued:
            buffer.queued = True
            self._worker.submit(self._follow, buffer)

    def _follow(self, buffer: _Buffer) -> None:
        with self._lock:
            snapshot, edits = buffer.snapshot, buffer.waiting
            buffer.waiting, buffer.queued = [], False
        try:
            parsed = Parsed(snapshot, _parse(buffer, snapshot, edits))
        except Exception:
            log.exception("a document could not be parsed")
            buffer.sizes = []  # the tree has missed edits
            return
        with self._lock:
            buffer.parsed = parsed


def _parse(buffer: _Buffer, snapshot: Snapshot, edits: Sequence[LineEdit]) -> Tree | None:
    """Parse a document anew, or in the places of its edits; on the parsing thread alone."""
    if snapshot.language not in grammars.LANGUAGES or buffer.characters > LARGEST:
        buffer.sizes = []
        return None
    parser, old = grammars.parser(snapshot.language), buffer.parsed.tree
    buffer.bare_returns = buffer.bare_returns or any(
        line.endswith("\r")
        for lines in ([snapshot.lines] if old is None else (edit.inserted for edit in edits))
        for line in lines
    )
    # Tree-sitter begins no line at a carriage return, so its points would not be those of the edits.
    if old is None or not buffer.sizes or buffer.bare_returns:
        buffer.sizes = list(map(_size, snapshot.lines))
        return parser.parse("".join(snapshot.lines).encode())
    tree = old.copy()
    for edit in edits:
        _apply(tree, buffer.sizes, edit)

    # As bytes, so that the interpreter's lock is free meanwhile; a callback would be asked at every old node.
    return parser.parse("".join(snapshot.lines).encode(), tree)


def _apply(tree: Tree, sizes: list[int], edit: LineEdit) -> None:
    """Tell a tree of an edit, as narrow as it is; `sizes` are the bytes of each line, and follow."""
    old, new = "".join(edit.removed).encode(), "".join(edit.inserted).encode()
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
    start = sum(sizes[: edit.first])
    tree.edit(
        start_byte=start + head,
        old_end_byte=start + len(old) - tail,
        new_end_byte=start + len(new) - tail,
        start_point=_point(edit.first, old[:head]),
        old_end_point=_point(edit.first, old[: len(old) - tail]),
        new_end_point=_point(edit.first, new[: len(new) - tail]),
    )
    sizes[edit.first : edit.first + len(edit.removed)] = map(_size, edit.inserted)


def _point(first: int, text: bytes) -> Point:
    return Point(first + text.count(b"\n"), len(text) - text.rfind(b"\n") - 1)


def _size(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode())
