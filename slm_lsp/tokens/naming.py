"""Which tokens go on with one of some names: what a trie of the names over the vocabulary would say."""

from collections.abc import Iterable

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from slm_lsp.tokens.vocabulary import Vocabulary

KEPT = 128
"""Answers that are kept; each takes a byte for every token of the vocabulary."""

Ids = NDArray[np.bool_]


class Naming:
    """The tokens of a vocabulary by the names that they may be part of. Not thread-safe."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._kept: LRUCache[tuple[frozenset[str], str, bytes], Ids | None] = LRUCache(KEPT)
        texts = [vocabulary.token_bytes(id) for id in range(vocabulary.size)]
        self._ending = np.array([not _in_word(text[:1]) for text in texts], np.bool_)

    def leading(self, names: frozenset[str], begun: str, pending: bytes = b"") -> Ids | None:
        """Return the ids, bool [vocabulary], that lead from `begun` to one of some names; None if none does.

        They write the rest of a name or a part of it, or behind a whole name anything that is no part of a
        word. Of the text that ends with `begun`, `pending` are the last bytes, which must be written first.
        """
        key = names, begun, pending
        if key not in self._kept:
            rests = {pending + name[len(begun) :].encode() for name in names if name.startswith(begun)}
            found = self._led(rests)
            self._kept[key] = found if found.any() else None
        return self._kept[key]

    def _led(self, rests: Iterable[bytes]) -> Ids:
        found = np.zeros(self._vocabulary.size, np.bool_)
        for rest in rests:
            for end in range(1, len(rest) + 1):
                if (id := self._vocabulary.id_of(rest[:end])) is not None:
                    found[id] = True
            if not rest:
                found |= self._ending
                continue
            for id in self._vocabulary.starting_with(rest).tolist():
                after = self._vocabulary.token_bytes(id)[len(rest) :]
                found[id] |= not _in_word(after[:1])
        return found


def _in_word(first: bytes) -> bool:
    """Whether a byte begins what goes on with a word; bytes of other letters than ASCII's do."""
    return bool(first) and (first >= b"\x80" or first.isalnum() or first == b"_")
