"""Passes over sequences: tokens and the cache in, logits out."""

import math
from collections.abc import Sequence as Tokens

import numpy as np
from numpy.typing import NDArray

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.llama.cache import KVCache, Sequence
from slm_lsp.engine.llama.native import Kernels
from slm_lsp.engine.llama.plan import ROWS, Plan
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.engine.llama.team import Team
from slm_lsp.engine.llama.weights import Weights
from slm_lsp.engine.outlook import Outlook
from slm_lsp.errors import ModelError

LEAST_CONTEXT = 8192
"""Tokens that fit whatever `cacheMemory` says, if the model has so many."""


class Runner:
    """Runs passes for one model; holds its weights, its plan, its threads and its cache."""

    def __init__(
        self, shape: Shape, weights: Weights, kernels: Kernels, threads: int, megabytes: int
    ) -> None:
        self.shape = shape
        size = 4 if weights.precision == "float32" else 2
        self.cache = KVCache(shape, size, megabytes, min(shape.context, LEAST_CONTEXT))
        self.context = min(shape.context, self.cache.capacity)
        self._plan = Plan(shape, weights, threads)
        self._plan.put_pool(self.cache.pool, self.cache.block_bytes)
        self._team = Team(kernels, self._plan, threads)

    def shrink(self) -> None:
        """Empty the cache, and give its memory back."""
        self.cache.clear()
        self._plan.put_pool(self.cache.pool, self.cache.block_bytes)

    def close(self) -> None:
        """End the threads and let go of the memory."""
        self._team.close()
        del self._plan, self._team, self.cache

    def extend(
        self, rows: Tokens[tuple[Sequence, Tokens[int]]], wanted: int, cancel: CancelToken
    ) -> list[Outlook]:
        """Compute tokens that follow each sequence, all in one pass; return the outlook of the last `wanted`.

        The outlooks' logits hold until the next pass.
        The caller adds the tokens that it keeps to `Sequence.tokens` afterwards. At most `plan.ROWS` in all.
        """
        ids, positions, tables = list[int](), list[int](), list[NDArray[np.int64]]()
        for sequence, tokens in rows:
            start = len(sequence.tokens)
            self.cache.reserve(sequence, start + len(tokens))
            ids += tokens
            positions += range(start, start + len(tokens))
            tables += [sequence.table] * len(tokens)
        self._plan.put_pass(ids, positions, tables, wanted)
        self._run(cancel)
        return [self._outlook(row) for row in range(wanted)]

    def read(self, sequence: Sequence, tokens: Tokens[int], cancel: CancelToken) -> Outlook:
        """Append tokens to a sequence, at least one, in passes of `plan.ROWS`; return the last's outlook."""
        for start in range(0, len(tokens), ROWS):
            chunk = tokens[start : start + ROWS]
            outlooks = self.extend([(sequence, chunk)], int(start + ROWS >= len(tokens)), cancel)
            sequence.tokens.extend(chunk)
        return outlooks[0]

    def _run(self, cancel: CancelToken) -> None:
        while True:
            cancel.check()
            self._plan.stop(False)
            with cancel.calling(lambda: self._plan.stop(True)):
                if self._team.run():
                    return

    def _outlook(self, row: int) -> Outlook:
        best, _, log_total, entropy = self._plan.statistics[row].tolist()
        if not math.isfinite(entropy):
            raise ModelError("the model's numbers overflowed; set precision to float32.")
        return Outlook(self._plan.logits[row], int(best), log_total, entropy)
