"""Drafts by a smaller model with the same vocabulary, for a larger one to verify.

Speculative decoding (Leviathan, Kalman and Matias 2023) in its greedy form: what the larger model writes
stays what it is.
"""

import time
from collections.abc import Sequence

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Engine, Usage
from slm_lsp.engine.lookup import Lookup
from slm_lsp.errors import ModelError

FIRST = 3
"""Tokens drafted before anything has been measured."""

_MEMORY = 0.9
"""What remains of older outcomes with every new one."""

_RECENT = 0.2
"""Weight of the newest time in its running mean."""

TRIAL = 16
"""After so many rounds without a draft one token is tried again: the text may have become easier."""


class ModelDrafts:
    """Looks up what followed the last tokens before, and lets the small model write where that is unknown.

    How many tokens it writes is chosen by what they cost, what a pass of the larger model takes, and how
    often they were right lately.
    """

    def __init__(self, small: Engine) -> None:
        self._small, self._lookup = small, Lookup()
        self._drafted: tuple[int, list[int]] = (0, [])
        self._right, self._wrong = 1.0, 0.3
        self._token_seconds = self._pass_seconds = 0.0
        self._ended = 0.0
        self._rounds = 0

    def propose(self, tokens: Sequence[int], limit: int) -> Sequence[int]:
        """See `slm_lsp.engine.interface.DraftSource`."""
        began = time.perf_counter()
        self._learn(tokens, began)
        drafts = list(self._lookup.propose(tokens, limit))
        if not drafts and (length := min(limit, self._length(limit))):
            drafts = self._written(tokens, length)
        self._ended = time.perf_counter()
        return drafts

    def _written(self, tokens: Sequence[int], length: int) -> list[int]:
        began = time.perf_counter()
        try:
            written = self._small.generate(tokens, Decoding(length), CancelToken(), Usage())
            drafts = [token.id for token in written]
        except ModelError:  # it reads less than the larger one
            return []
        spent = (time.perf_counter() - began) / length
        self._token_seconds += (_RECENT if self._token_seconds else 1.0) * (spent - self._token_seconds)
        self._drafted = (len(tokens), drafts)
        return drafts

    def _learn(self, tokens: Sequence[int], now: float) -> None:
        """Take note of how many of the last drafts were right, and how long the larger model took."""
        at, drafts = self._drafted
        if not drafts or len(tokens) <= at:
            return
        right = 0
        for guess, token in zip(drafts, tokens[at:], strict=False):
            if guess != token:
                break
            right += 1
        self._right = _MEMORY * self._right + right
        self._wrong = _MEMORY * self._wrong + (right < len(drafts))
        spent = now - self._ended
        self._pass_seconds += (_RECENT if self._pass_seconds else 1.0) * (spent - self._pass_seconds)
        self._drafted = (0, [])

    def _length(self, limit: int) -> int:
        """Return the number of drafts that promises the most tokens per second."""
        if not self._pass_seconds:
            return FIRST
        chance = self._right / (self._right + self._wrong)
        best, best_rate = 0, 1 / self._pass_seconds
        expected = power = 1.0
        for count in range(1, limit + 1):
            power *= chance
            expected += power
            rate = expected / (self._pass_seconds + count * self._token_seconds)
            if rate > best_rate:
                best, best_rate = count, rate
        self._rounds = 0 if best else self._rounds + 1
        return best or int(self._rounds % TRIAL == 0)
