"""The key/value cache of one token sequence, preallocated and rolled back in place."""

from collections.abc import Sequence

import torch
from torch import Tensor

from slm_lsp.engine.llama.shape import Shape

GROWTH = 256
"""Tokens by which a cache grows: few enough to stay small, many enough to grow seldom."""


class KVCache:
    """Keys and values of the tokens computed so far, and those tokens themselves.

    `keys` and `values` are [layers, kv_heads, capacity, head]; positions from `len(tokens)` on are free.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self.tokens: list[int] = []
        self.keys = self.values = self._empty(0)

    def _empty(self, capacity: int) -> Tensor:
        return torch.empty(self._shape.layers, self._shape.kv_heads, capacity, self._shape.head)

    def __len__(self) -> int:
        return len(self.tokens)

    def common(self, prompt: Sequence[int]) -> int:
        """Return how many leading tokens of `prompt` are cached, compared token by token."""
        count = 0
        for ours, theirs in zip(self.tokens, prompt, strict=False):
            if ours != theirs:
                break
            count += 1
        return count

    def truncate(self, length: int) -> None:
        """Roll back to the first `length` tokens; nothing is copied."""
        del self.tokens[length:]

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens in all."""
        capacity = self.keys.shape[2]
        if length <= capacity:
            return
        capacity = -(-length // GROWTH) * GROWTH
        keys, values, used = self._empty(capacity), self._empty(capacity), len(self.tokens)
        keys[:, :, :used] = self.keys[:, :, :used]
        values[:, :, :used] = self.values[:, :, :used]
        self.keys, self.values = keys, values

    @property
    def bytes(self) -> int:
        """Memory held, in bytes."""
        return 2 * self.keys.numel() * self.keys.element_size()
