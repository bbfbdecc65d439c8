"""The tokens of some files, with every place in the order of the tokens that stand before it.

A suffix array (Manber and Myers 1993) of the text read backwards, sorted by `LONGEST` tokens and no further:
the places with the same tokens before them lie side by side, and those with the same last eight, seven, ...
tokens lie around them. Two or four bytes a token for the text and as many for what follows in that order,
and four for the order itself; nothing else, so that all of it can be read from a file at once.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from slm_lsp.memory.kernels.plan import LONGEST, WINDOW

Tokens = NDArray[np.unsignedinteger]
"""Ids of tokens: uint16 or uint32, by the size of the vocabulary."""


def kind_for(vocabulary: int) -> np.dtype[np.unsignedinteger]:
    """Return the numbers that hold the ids of a vocabulary of a size, and one more that ends a file."""
    return np.dtype(np.uint16 if vocabulary < 2**16 - 1 else np.uint32)


class Segment:
    """An unchanging text of several files, in which places are found by the tokens before them.

    `backwards` are the files one after the other, each ended by the highest number of its kind, all of it
    read backwards; then come `WINDOW` more of those ends. `order` has the places: that before the number at
    `i` of `backwards` is `i`. `following` has the token after each place of `order`, `starts` each file's
    first token, counted forwards. The places with token `t` before them are those of `order` from `heads[t]`
    to `heads[t + 1]`.
    """

    def __init__(
        self,
        backwards: Tokens,
        order: NDArray[np.uint32],
        following: Tokens,
        heads: NDArray[np.uint32],
        names: Sequence[str],
        starts: NDArray[np.int64],
    ) -> None:
        self.backwards, self.length = backwards, len(backwards) - WINDOW
        self.order, self.following = order, following
        self.heads, self.names, self.starts = heads, list(names), starts
        arrays = (self.order, self.following, self.heads, self.starts)
        self.addresses = (
            self.width,
            backwards.ctypes.data,
            self.length,
            *(one.ctypes.data for one in arrays),
            len(self.names),
        )
        """What `slm_lsp.memory.kernels.plan` wants to know of it, from the width of a token on."""

    @classmethod
    def build(cls, files: Mapping[str, Sequence[int] | Tokens], vocabulary: int) -> "Segment":
        """Sort the places of some files; takes about a second for a million tokens."""
        kind = kind_for(vocabulary)
        end = np.array([np.iinfo(kind).max], kind)
        parts = [part for ids in files.values() for part in (np.asarray(ids, kind), end)]
        text = np.concatenate(parts) if parts else end[:0]
        lengths = np.array([len(ids) + 1 for ids in files.values()], np.int64)
        starts = np.cumsum(lengths) - lengths
        backwards = np.concatenate([text[::-1], np.repeat(end, WINDOW)])
        order = _sorted(backwards, len(text))
        following = backwards[order - 1]
        kept = following != end[0]  # nothing follows there
        order = order[kept]
        before = backwards[order]
        counts = np.bincount(before[before != end[0]], minlength=vocabulary)
        heads = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
        return cls(backwards, order, following[kept], heads, list(files), starts)

    @property
    def size(self) -> int:
        """The number of tokens."""
        return len(self.order)

    @property
    def width(self) -> int:
        """The bytes of a token."""
        return self.following.itemsize

    @property
    def nbytes(self) -> int:
        """What it takes, in memory or on disk."""
        return self.backwards.nbytes + self.order.nbytes + self.following.nbytes

    def tokens_of(self, file: int) -> Tokens:
        """Return the tokens of a file, by its number in `names`."""
        start = int(self.starts[file])
        end = int(self.starts[file + 1]) if file + 1 < len(self.starts) else self.length
        return self.backwards[self.length - end + 1 : self.length - start][::-1].copy()

    def after(self, place: int, limit: int) -> list[int]:
        """Return up to `limit` tokens that follow a place of the order, up to its file's end."""
        at = int(self.order[place])
        found: list[int] = self.backwards[max(0, at - limit) : at][::-1].tolist()
        end = 256**self.width - 1
        return found[: found.index(end)] if end in found else found


def _sorted(backwards: Tokens, count: int) -> NDArray[np.uint32]:
    """Return the places from 1 to `count`, sorted by the `LONGEST` numbers from there on."""
    each = 8 // backwards.itemsize
    shift = np.uint64(8 * backwards.itemsize)
    keys = []
    for first in range(0, LONGEST, each):
        key = np.zeros(max(0, count), np.uint64)
        for at in range(first, first + each):
            key = (key << shift) | backwards[at : at + count]
        keys.append(key[1:])
    # The last key is the first that counts. What stands at 0 ends the last file: no place is before it.
    return (np.lexsort(keys[::-1]) + 1).astype(np.uint32) if count > 1 else np.zeros(0, np.uint32)
