"""The tokens of some files, with every place in the order of the tokens that stand before it.

A suffix array (Manber and Myers 1993) of the text read backwards, sorted by `LONGEST` tokens and no further:
the places with the same tokens before them lie side by side, and those with the same last eight, seven, ...
tokens lie around them. Two or four bytes a token for the text and as many for what follows in that order,
and four for the order itself; nothing else, so that all of it can be read from a file at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LONGEST = 8
"""Tokens by which places are told apart, at most."""

NEAR = 32
"""Places around those with a longer match where the end of a shorter one's is looked for first."""

Tokens = NDArray[np.unsignedinteger]
"""Ids of tokens: uint16 or uint32, by the size of the vocabulary."""


class Match(NamedTuple):
    """The places `low` to `high`, in a segment's order, that have the same `length` tokens before them."""

    length: int
    low: int
    high: int


def kind_for(vocabulary: int) -> np.dtype[np.unsignedinteger]:
    """Return the numbers that hold the ids of a vocabulary of a size, and one more that ends a file."""
    return np.dtype(np.uint16 if vocabulary < 2**16 - 1 else np.uint32)


class Segment:
    """An unchanging text of several files; find places in it by the tokens before them.

    `backwards` begins with `length` numbers, big-endian: the files one after the other, each ended by the
    highest number of its kind, all of it read backwards; then come `LONGEST` more of those ends. `order`
    has the places: that before the number at `i` of `backwards` is `i`. `following` has the token after each
    place of `order`, `starts` each file's first token, counted forwards. The places with token `t` before
    them are those of `order` from `heads[t]` to `heads[t + 1]`.
    """

    def __init__(
        self,
        backwards: bytes,
        length: int,
        order: NDArray[np.uint32],
        following: Tokens,
        heads: NDArray[np.uint32],
        names: Sequence[str],
        starts: NDArray[np.int64],
    ) -> None:
        self.backwards, self.length, self.order, self.following = backwards, length, order, following
        self.heads, self.names, self.starts = heads, list(names), starts
        self.width = following.itemsize
        self._pack = [Struct(f">{n}{'H' if self.width == 2 else 'I'}").pack for n in range(LONGEST + 1)]
        self._places, self._heads = order.data, heads.data
        self._following, self._starts = following.data, starts.tolist()

    @classmethod
    def build(cls, files: Mapping[str, Sequence[int] | Tokens], vocabulary: int) -> "Segment":
        """Sort the places of some files; takes about a second for a million tokens."""
        kind = kind_for(vocabulary)
        end = np.array([np.iinfo(kind).max], kind)
        parts = [part for ids in files.values() for part in (np.asarray(ids, kind), end)]
        text = np.concatenate(parts) if parts else end[:0]
        lengths = np.array([len(ids) + 1 for ids in files.values()], np.int64)
        starts = np.cumsum(lengths) - lengths
        backwards = np.concatenate([text[::-1], np.repeat(end, LONGEST)])
        order = _sorted(backwards, len(text))
        following = backwards[order - 1]
        kept = following != end[0]  # nothing follows there
        big, order = backwards.astype(kind.newbyteorder(">")).tobytes(), order[kept]
        before = backwards[order]
        counts = np.bincount(before[before != end[0]], minlength=vocabulary)
        heads = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
        return cls(big, len(text), order, following[kept], heads, list(files), starts)

    @property
    def size(self) -> int:
        """The number of tokens."""
        return len(self.order)

    @property
    def text(self) -> memoryview:
        """What of `backwards` belongs to it."""
        return memoryview(self.backwards)[: (self.length + LONGEST) * self.width]

    @property
    def nbytes(self) -> int:
        """What it takes, in memory or on disk."""
        return self.text.nbytes + self.order.nbytes + self.following.nbytes

    def pattern(self, tokens: Sequence[int]) -> bytes:
        """Return the last tokens as they stand in `backwards`."""
        last = tokens[: -LONGEST - 1 : -1]
        return self._pack[len(last)](*last)

    def matches(self, pattern: bytes) -> Iterator[Match]:
        """Yield the places with the same last tokens before them, for each number of those, longest first."""
        text, width, places = self.backwards, self.width, self._places
        span = LONGEST * width

        def before(place: int) -> bytes:
            return text[place * width : place * width + span]

        head = int.from_bytes(pattern[:width])
        if not pattern or head >= len(self._heads) - 1:
            return
        first, last = self._heads[head], self._heads[head + 1]
        if first == last:
            return
        low = high = bisect_left(places, pattern, first, last, key=before)
        shared = _shared(before(places[low]), pattern, width) if low < last else 1
        if low > first:
            shared = max(shared, _shared(before(places[low - 1]), pattern, width))
        for length in range(shared, 1, -1):
            part = pattern[: length * width]
            near = max(first, low - NEAR)
            if near > first and before(places[near]) >= part:
                low = bisect_left(places, part, first, near, key=before)
            else:
                low = bisect_left(places, part, near, low, key=before)
            part += b"\xff" * span
            near = min(last, high + NEAR)
            if near < last and before(places[near]) <= part:
                high = bisect_left(places, part, near, last, key=before)
            else:
                high = bisect_left(places, part, high, near, key=before)
            yield Match(length, low, high)
        yield Match(1, first, last)

    def followed(self, place: int) -> tuple[int, int]:
        """Return the token after a place of the order, and the number, in `names`, of its file."""
        file = bisect_right(self._starts, self.length - self._places[place]) - 1
        return self._following[place], file

    def files_of(self, low: int, high: int, step: int = 1) -> NDArray[np.int64]:
        """Return the number, in `names`, of the file of each place from `low` to `high` of the order."""
        forwards = self.length - self.order[low:high:step].astype(np.int64)
        return self.starts.searchsorted(forwards, "right") - 1

    def tokens_of(self, file: int) -> Tokens:
        """Return the tokens of a file, by its number in `names`."""
        start = int(self.starts[file])
        end = int(self.starts[file + 1]) if file + 1 < len(self.starts) else self.length
        return self._forwards(self.length - end + 1, self.length - start)

    def after(self, place: int, limit: int) -> list[int]:
        """Return up to `limit` tokens that follow a place of the order, up to its file's end."""
        at = self._places[place]
        found: list[int] = self._forwards(max(0, at - limit), at).tolist()
        end = 256**self.width - 1
        return found[: found.index(end)] if end in found else found

    def _forwards(self, first: int, last: int) -> Tokens:
        data = self.backwards[first * self.width : last * self.width]
        return np.frombuffer(data, f">u{self.width}")[::-1].astype(self.following.dtype)


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


def _shared(one: bytes, other: bytes, width: int) -> int:
    """Return how many numbers two texts begin with alike, of which the first is."""
    length = len(other) // width
    while not one.startswith(other[: length * width]):
        length -= 1
    return length
