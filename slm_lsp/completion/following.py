"""Keeps a memory in step with the files and open buffers of a workspace, from one session to the next."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from threading import Event

import numpy as np
from numpy.typing import NDArray

from slm_lsp.context.languages import language_id, relatives
from slm_lsp.context.sources import read
from slm_lsp.context.workspace import Workspace
from slm_lsp.memory import disk
from slm_lsp.memory.encoding import Encoder
from slm_lsp.memory.lookup import Source
from slm_lsp.memory.segment import kind_for
from slm_lsp.memory.store import RECENT, Layer, Store
from slm_lsp.secrecy import mask
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary

log = logging.getLogger(__name__)

NEAR = 3.0
"""What a place in the file's own folder, or in an open buffer, counts; one elsewhere counts 1.

Fitted with `slm_lsp.memory.weights`, of 1, 3 and 10.
"""

SAVED_AFTER = 20
"""Files read in one go after which the memory is written to disk; fewer are read again the next time."""

_Stamp = tuple[int, int]


class Follower:
    """The memory of a workspace's files in the tokens of one vocabulary.

    `folder` says where it is kept, if it is. `limit` bounds it, in megabytes. One thread may call
    `follow`; `sources` may be asked from another.
    """

    def __init__(
        self,
        workspace: Workspace,
        vocabulary: Vocabulary,
        folder: Callable[[], Path | None],
        ended: Event,
    ) -> None:
        self.vocabulary, self.limit = vocabulary, 0
        self.store = Store(vocabulary.size)
        self._workspace, self._folder, self._ended = workspace, folder, ended
        self._encoder = Encoder(vocabulary)
        self._stamps: dict[str, _Stamp | None] = {}
        """Of each file what was read: time of change (ns) and size. None for what an open buffer says."""
        self._versions: dict[str, tuple[str, int]] = {}
        self._opened = False
        self._kept = set[str]()
        """The files that are remembered on disk."""
        self._told = ""
        self._counted: tuple[object, list[NDArray[np.float64]]] = None, []

    def follow(self) -> None:
        """Take in what changed since the last time."""
        files, buffers = self._workspace.files(), self._workspace.buffers()
        if not self._opened and (file := self._file()):
            self._opened = True
            self._open(file)
        wanted = self._within(files)
        open_ = {_name(one): one for one in buffers}
        for name in set(self._stamps) - set(wanted) - set(open_):
            self.store.remove(name)
            del self._stamps[name]
        for name, one in open_.items():
            if self._versions.get(name) != (one.uri, one.version):
                self._versions[name] = one.uri, one.version
                self._stamps[name] = None
                self.store.put(name, self._encoder.again(mask("".join(one.lines))))
        self._versions = {name: version for name, version in self._versions.items() if name in open_}
        read_, tokens = 0, 0
        for name, stamp in wanted.items():
            if self._ended.is_set():
                return
            if name in open_ or self._stamps.get(name) == stamp:
                continue
            text = read(Path(name))
            ids = self._encoder.once(text) if text else []
            self.store.put(name, ids)
            self._stamps[name] = stamp
            read_, tokens = read_ + 1, tokens + len(ids)
            if tokens > max(RECENT, self.store.size):
                self.store.settle()
                tokens = 0
        self.store.settle()
        # What was deleted, or is ignored from now on, is not left on disk either.
        if read_ > SAVED_AFTER or not self._kept <= set(map(str, files)):
            self._save()

    def sources(self, document: Snapshot) -> list[Source]:
        """Return what is to be asked at a place in a document: its own file counts nothing."""
        layers = self.store.layers
        key = [(id(layer.segment), id(layer.alive)) for layer in layers], _name(document), document.language
        if self._counted[0] != key:
            self._counted = key, [self._counts(layer, document) for layer in layers]
        return [
            Source(layer.segment, counted) for layer, counted in zip(layers, self._counted[1], strict=True)
        ]

    def _counts(self, layer: Layer, document: Snapshot) -> NDArray[np.float64]:
        """Return what each file of a layer counts."""
        own, languages = _name(document), set(relatives(document.language))
        folder = str(PurePath(own).parent)
        counted = np.zeros(len(layer.segment.names))
        for number, (name, alive) in enumerate(zip(layer.segment.names, layer.alive.tolist(), strict=True)):
            if alive and name != own and language_id(name) in languages:
                near = name in self._versions or str(PurePath(name).parent) == folder
                counted[number] = NEAR if near else 1.0
        return counted

    def _within(self, files: dict[Path, _Stamp]) -> dict[str, _Stamp]:
        """Return the files, with their stamps, that the limit has room for: those changed last first."""
        width = kind_for(self.vocabulary.size).itemsize
        room = self.limit * 1_000_000 // (4 + 2 * width)
        wanted: dict[str, _Stamp] = {}
        for path, stamp in sorted(files.items(), key=lambda file: (-file[1][0], file[0])):
            # Code has some three characters a token.
            room -= stamp[1] // 3
            if room < 0:
                log.warning("the workspace has more code than `memorySize` has room for")
                break
            wanted[str(path)] = stamp
        return wanted

    def _open(self, file: Path) -> None:
        if found := disk.load(file, self.vocabulary.digest):
            segment, stamps = found
            self._versions = {}
            self.store = Store(self.vocabulary.size, segment)
            self._stamps = {name: stamps.get(name) for name in segment.names}
            self._kept = set(segment.names)

    def _save(self) -> None:
        """Write what was read from files: what only stands in an open buffer stays in memory."""
        stamps = {name: stamp for name, stamp in self._stamps.items() if stamp}
        self.store.compact(stamps)
        if file := self._file():
            try:
                segment, roots = self.store.layers[0].segment, self._workspace.roots()
                disk.save(file, segment, stamps, self.vocabulary.digest, roots)
                self._kept = set(stamps)
            except OSError as error:
                if str(error) != self._told:
                    self._told = str(error)
                    log.warning("the workspace's memory could not be written: %s", error)

    def _file(self) -> Path | None:
        """Return where the memory is kept: in one place for a workspace, whatever the tokenizer was."""
        folder, roots = self._folder(), self._workspace.roots()
        return folder / f"{stem(roots)}.memory" if folder and roots else None


def stem(roots: Sequence[Path]) -> str:
    """Return what the files are called by that belong to a workspace."""
    return hashlib.sha256(os.fsencode("\0".join(sorted(map(str, roots))))).hexdigest()[:24]


def _name(document: Snapshot) -> str:
    return str(document.path) if document.path else document.uri
