"""Token healing: never end a prompt inside what the tokenizer would have merged with what comes next.

A prompt that ends in ``"\\n   "``, in half a word or in ``(`` ends in tokens that the model hardly ever saw
before what it should write, such as ``("``. So the last tokens are taken off, and the model writes their text
again with the choice of tokens narrowed to those that agree with it, going on as it likes (S. Lundberg, "The
Art of Prompt Design: Prompt Boundaries and Token Healing", 2023).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from slm_lsp.tokens.vocabulary import Vocabulary

MAX_TAIL = 64
"""Characters that are taken off at most: every one of them costs time to write again."""

_TAIL = re.compile(r"\s+\Z| ?\w+\Z| ?[^\w\s]{1,8}\Z")


@dataclass(frozen=True, slots=True)
class Healed:
    """A text as ids up to a token boundary, and the `tail` after it, which was `dropped` ids long."""

    ids: list[int]
    tail: str
    dropped: int


def split(text: str, vocabulary: Vocabulary) -> Healed:
    """Tokenise a text as it stands and back off to the last whole token before the cursor, at its end.

    Tokens go that overlap what `back_off` finds. Only an empty text has an empty tail; the ids are empty if
    the whole text is the tail.
    """
    ids, starts = vocabulary.encode_with_starts(text)
    cut = back_off(text)
    keep = bisect_left(starts, cut)
    if keep and (keep == len(ids) or starts[keep] > cut):
        keep -= 1
    # What begins within a character can't begin the tail.
    while 0 < keep < len(ids) and _inside_character(vocabulary.token_bytes(ids[keep])):
        keep -= 1
    start = 0 if not keep else starts[keep] if keep < len(ids) else len(text)
    return Healed(ids[:keep], text[start:], len(ids) - keep)


def back_off(text: str) -> int:
    """Return where the trailing white space begins, or the unfinished word or the punctuation at the end.

    A single space before a word or punctuation counts with it, as tokenizers merge it with what follows.
    """
    end = text[-MAX_TAIL:]
    found = _TAIL.search(end)
    return len(text) - (len(end) - found.start() if found else 0)


class TailConstraint:
    """Narrows the choice of tokens until `tail` is written again; a `Constraint` of the engine.

    A token may write a part of the tail, all of it, or go on beyond it. There always is one in vocabularies
    that can spell every byte; where none fits, the choice is set free.
    """

    def __init__(self, vocabulary: Vocabulary, tail: str) -> None:
        self._vocabulary = vocabulary
        self._rest = tail.encode()

    def allowed(self) -> Sequence[int] | None:
        """See `Constraint.allowed`."""
        if not self._rest:
            return None
        return self._vocabulary.agreeing_with(self._rest) or None

    def accept(self, token: int) -> None:
        """See `Constraint.accept`."""
        written = self._vocabulary.token_bytes(token)
        self._rest = self._rest[len(written) :] if self._rest.startswith(written) else b""

    @property
    def text(self) -> bytes:
        """See `Constraint.text`."""
        return self._rest


def _inside_character(text: bytes) -> bool:
    """Whether bytes begin with one that continues a UTF-8 character."""
    return 0x80 <= text[0] < 0xC0 if text else False
