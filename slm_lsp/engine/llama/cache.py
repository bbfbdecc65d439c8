"""The key/value cache: blocks of tokens that sequences share as far as they are equal."""

from collections.abc import Sequence as Tokens

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.llama.kernels.plan import BLOCK
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.errors import ModelError

SEQUENCES = 16
"""Sequences kept, at most: files that are edited in turn."""

TAIL = 4 * BLOCK
"""A cached sequence that goes on for more tokens than this beyond what a prompt shares with it is kept beside
the new one; a shorter tail is a suggestion that was not taken, or a few lines typed over."""


class Sequence:
    """The tokens whose keys and values are cached, and the blocks that hold them, in order.

    `table` is what the kernels read: int64, one block number for each `BLOCK` tokens.
    """

    def __init__(self, room: int) -> None:
        self.tokens: list[int] = []
        self.blocks: list[int] = []
        self.table = np.zeros(room, np.int64)

    def common(self, prompt: Tokens[int]) -> int:
        """Return how many leading tokens of `prompt` are cached, compared token by token."""
        count = 0
        for ours, theirs in zip(self.tokens, prompt, strict=False):
            if ours != theirs:
                break
            count += 1
        return count


class KVCache:
    """Sequences over one pool of blocks, the least recently used of which give way.

    A number takes `size` bytes. The pool takes `megabytes` or room for `least` tokens, whichever is more;
    memory is taken as it fills.
    """

    def __init__(self, shape: Shape, size: int, megabytes: int, least: int) -> None:
        self.block_bytes = shape.layers * shape.kv_heads * BLOCK * shape.head * 2 * size
        count = max(megabytes * 1_000_000 // self.block_bytes, -(-least // BLOCK) + 1)
        self.capacity = count * BLOCK
        self._fill(count)

    def clear(self) -> None:
        """Forget all sequences, and give the pool's memory back; there is a new `pool` afterwards."""
        del self.pool
        self._fill(self.capacity // BLOCK)

    def _fill(self, count: int) -> None:
        try:
            # Zeros come from the system as they are touched.
            self.pool: NDArray[np.uint8] = np.zeros((count, self.block_bytes), np.uint8)
        except MemoryError:
            raise ModelError("there is not enough memory for the cache; lower cacheMemory.") from None
        self._free = list(range(count - 1, -1, -1))
        self._uses = [0] * count
        self._sequences: list[Sequence] = []

    def open(self, prompt: Tokens[int]) -> Sequence:
        """Return a sequence that holds what is cached of the beginning of `prompt`, and nothing else.

        The last token of the prompt is never held: its logits are not cached.
        """
        best, common = None, 0
        for sequence in reversed(self._sequences):
            shared = min(sequence.common(prompt), len(prompt) - 1)
            if shared > common:
                best, common = sequence, shared
        if best is None or len(best.tokens) - common > TAIL:
            best = self.fork(best, common)
            self._sequences.append(best)
        else:
            self.truncate(best, common)
            self._sequences.remove(best)
            self._sequences.append(best)
        while len(self._sequences) > SEQUENCES:
            self.release(self._sequences.pop(0))
        return best

    def fork(self, source: Sequence | None, length: int) -> Sequence:
        """Return a new sequence with the first `length` tokens of another, or with its whole blocks of them.

        Whole blocks are shared; the rest is copied if there is room.
        """
        made = Sequence(len(self._uses))
        if source is None:
            return made
        for block in source.blocks[: length // BLOCK]:
            self._append(made, block)
        if length % BLOCK and (copy := self._take(source)) is not None:
            self.pool[copy] = self.pool[source.blocks[length // BLOCK]]
            self._append(made, copy)
        made.tokens = source.tokens[: min(length, len(made.blocks) * BLOCK)]
        return made

    def truncate(self, sequence: Sequence, length: int) -> None:
        """Roll back to the first `length` tokens."""
        del sequence.tokens[length:]
        self._drop(sequence, -(-length // BLOCK))

    def reserve(self, sequence: Sequence, length: int) -> None:
        """Make room for `length` tokens in all, in blocks that no other sequence reads from where it ends.

        Raises:
            ModelError: they don't fit, even when all other sequences are given up.
        """
        last = len(sequence.tokens) // BLOCK
        if last < len(sequence.blocks) and self._uses[sequence.blocks[last]] > 1:
            shared = sequence.blocks[last]
            copy = self._needed(sequence)
            self.pool[copy] = self.pool[shared]
            self._drop(sequence, last)
            self._append(sequence, copy)
        while len(sequence.blocks) * BLOCK < length:
            self._append(sequence, self._needed(sequence))

    def become(self, sequence: Sequence, other: Sequence) -> None:
        """Let a sequence hold what another one holds, which is given up."""
        if sequence in self._sequences:
            sequence.tokens, other.tokens = other.tokens, sequence.tokens
            sequence.blocks, other.blocks = other.blocks, sequence.blocks
            sequence.table, other.table = other.table, sequence.table
        self.release(other)

    def release(self, sequence: Sequence) -> None:
        """Give a sequence's blocks back."""
        sequence.tokens.clear()
        self._drop(sequence, 0)

    def _append(self, sequence: Sequence, block: int) -> None:
        self._uses[block] += 1
        sequence.table[len(sequence.blocks)] = block
        sequence.blocks.append(block)

    def _drop(self, sequence: Sequence, keep: int) -> None:
        for block in sequence.blocks[keep:]:
            self._uses[block] -= 1
            if not self._uses[block]:
                self._free.append(block)
        del sequence.blocks[keep:]

    def _needed(self, sequence: Sequence) -> int:
        if (block := self._take(sequence)) is None:
            raise ModelError("the prompt does not fit in the cache; set cacheMemory to more.")
        return block

    def _take(self, keep: Sequence) -> int | None:
        """Return a free block, for which sequences other than `keep` may have to go, or None."""
        while not self._free:
            others = [one for one in self._sequences if one is not keep]
            if not others:
                return None
            self._sequences.remove(others[0])
            self.release(others[0])
        return self._free.pop()
