"""Texts as tokens, piece by piece: an edit costs the tokens of its own piece alone."""

import re
from array import array

from cachetools import LRUCache

from slm_lsp.tokens.vocabulary import Vocabulary

KEPT = 4096
"""Pieces whose tokens are kept: those of some twenty files."""

_PIECE = re.compile(r".+?(?:(?=\n[ \t\r]*\n)|\Z)", re.DOTALL)
"""Up to a blank line: the white space that begins there is most often one token with what follows."""


class Encoder:
    """Turns texts into ids, the same text always into the same. Not thread-safe."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._pieces: LRUCache[str, array[int]] = LRUCache(KEPT)

    def once(self, text: str) -> list[int]:
        """Return the ids of a text that won't come again."""
        return [id for piece in _PIECE.findall(text) for id in self._vocabulary.encode(piece)]

    def again(self, text: str) -> list[int]:
        """Return the ids of a text that will come again, a little changed."""
        found = array("i")
        for piece in _PIECE.findall(text):
            if (ids := self._pieces.get(piece)) is None:
                ids = self._pieces[piece] = array("i", self._vocabulary.encode(piece))
            found += ids
        return found.tolist()
