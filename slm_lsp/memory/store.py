"""The files of a workspace as the model's tokens: looked up as one, changed file by file, kept on disk."""

from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.memory.segment import Segment, Tokens, kind_for

RECENT = 200_000
"""Tokens of changed files that are sorted apart from all the others: a fifth of a second's work."""


class Layer(NamedTuple):
    """A segment, and which of its files still stand as they do there: bool [files]."""

    segment: Segment
    alive: NDArray[np.bool_]


class Store:
    """Files by name. One thread may write; `layers` and what is made of it may be read from any.

    What was put or removed is seen after `settle`, which sorts what is new: alone as long as it is little,
    with all the rest otherwise. The counts are the same either way.
    """

    def __init__(self, vocabulary: int, base: Segment | None = None) -> None:
        self.vocabulary = vocabulary
        base = base or Segment.build({}, vocabulary)
        self.layers: tuple[Layer, ...] = (Layer(base, np.ones(len(base.names), np.bool_)),)
        self._lock = Lock()
        self._files: dict[str, Tokens | None] = dict.fromkeys(base.names)
        """The tokens of files that are not in the first layer; None for those that are."""
        self._numbers = {name: number for number, name in enumerate(base.names)}
        self._changed = False

    @property
    def names(self) -> list[str]:
        """The files, in no order that means anything."""
        with self._lock:
            return list(self._files)

    @property
    def size(self) -> int:
        """The number of tokens that are looked up, those of gone files included."""
        return sum(layer.segment.size for layer in self.layers)

    @property
    def nbytes(self) -> int:
        """What the sorted layers take, in memory or on disk."""
        return sum(layer.segment.nbytes for layer in self.layers)

    def put(self, name: str, ids: Sequence[int] | Tokens) -> None:
        """Take a file, in place of what was known of it."""
        with self._lock:
            self._files[name] = np.asarray(ids, kind_for(self.vocabulary))
            self._changed = True

    def remove(self, name: str) -> None:
        """Forget a file."""
        with self._lock:
            self._changed |= self._files.pop(name, self) is not self

    def settle(self) -> None:
        """Let everything that was put or removed be seen."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            files = dict(self._files)
        base, fresh = self.layers[0].segment, {name: ids for name, ids in files.items() if ids is not None}
        tokens = sum(map(len, fresh.values()))
        alive = np.array([files.get(name, self) is None for name in base.names], np.bool_)
        if tokens > RECENT or (tokens and not alive.any()):
            self._merge(files, files)
        else:
            recent = Segment.build(fresh, self.vocabulary)
            self.layers = (Layer(base, alive), Layer(recent, np.ones(len(fresh), np.bool_)))[
                : 1 + bool(fresh)
            ]

    def compact(self, names: Collection[str]) -> None:
        """Sort the files named anew into the first layer, so that nothing else is in it."""
        self.settle()
        with self._lock:
            files = dict(self._files)
        (base, alive), wanted = self.layers[0], files.keys() & set(names)
        if wanted != set(base.names) or not alive.all():
            self._merge(files, wanted)

    def _merge(self, files: Mapping[str, Tokens | None], first: Collection[str]) -> None:
        base = self.layers[0].segment
        tokens = {
            name: base.tokens_of(self._numbers[name]) if ids is None else ids for name, ids in files.items()
        }
        named = {name: ids for name, ids in tokens.items() if name in first}
        others = {name: ids for name, ids in tokens.items() if name not in first}
        merged, *apart = [
            Segment.build(part, self.vocabulary) for part in (named, others)[: 1 + bool(others)]
        ]
        with self._lock:
            self.layers = tuple(Layer(one, np.ones(len(one.names), np.bool_)) for one in (merged, *apart))
            self._numbers = {name: number for number, name in enumerate(merged.names)}
            for name, ids in tokens.items():
                # What was put meanwhile is newer.
                if name in self._files and self._files[name] is files[name]:
                    self._files[name] = None if name in first else ids
