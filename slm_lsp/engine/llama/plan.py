"""What the kernels are told: addresses and sizes, and the memory behind them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.llama.kernels import plan as at
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.engine.llama.weights import FORMATS, Weights, aligned

ROWS = 128
"""Rows of a pass, at most: more would gain little and hold more memory."""

_MATRICES = {
    "qkv": at.QKV_WEIGHT,
    "o": at.O_WEIGHT,
    "gate_up": at.GATE_UP_WEIGHT,
    "down": at.DOWN_WEIGHT,
}
_VECTORS = {
    "attn_norm": at.ATTENTION_NORM,
    "qkv.bias": at.QKV_BIAS,
    "q_norm": at.Q_NORM,
    "k_norm": at.K_NORM,
    "mlp_norm": at.MLP_NORM,
}

_POSITIONS = 1024
"""Positions by which the rotary table grows: always whole blocks, so that it never depends on the prompts."""


class Plan:
    """The plan's int64 (see `slm_lsp.engine.llama.kernels.plan`), with all memory that it points to."""

    def __init__(self, shape: Shape, weights: Weights, threads: int) -> None:
        self._shape = shape
        self._threads = threads
        self._held: dict[int, NDArray[Any]] = {}
        self._values = aligned(8 * (at.LAYERS_AT + shape.layers * at.PER_LAYER)).view(np.int64)
        self._values[:] = 0
        self._put_model(weights)
        self._put_rows()
        self._positions = self._longest = self._wanted = 0
        self.logits = np.empty((0, 0), np.float32)
        """The wanted rows' logits, [rows, vocabulary], of the last pass."""
        self.statistics = np.empty((0, 4))
        """For each wanted row: the best token, its logit, the log of the exponentials' sum, the entropy."""
        self._reserve(1, 1)

    @property
    def address(self) -> int:
        """Where the kernels find it."""
        return self._values.ctypes.data

    def put_pool(self, pool: NDArray[np.uint8], block: int) -> None:
        """Set the cache's memory, and the bytes of one of its blocks."""
        self._put(at.POOL, pool)
        self._values[at.BLOCK_BYTES] = block

    def put_pass(
        self, ids: Sequence[int], positions: Sequence[int], tables: Sequence[NDArray[np.int64]], wanted: int
    ) -> None:
        """Set the rows of the next pass; logits are wanted of the last `wanted`."""
        self._reserve(max(positions) + 1, wanted)
        self._values[at.ROWS], self._values[at.WANTED] = len(ids), wanted
        self._put(at.IDS, np.array(ids, np.int64))
        self._put(at.POSITIONS, np.array(positions, np.int64))
        self._put(at.TABLES, np.array([table.ctypes.data for table in tables], np.int64))
        self._held[at.COUNTERS][:] = 0
        self._held[at.CONTROL][at.OPEN] = 1

    def stop(self, wanted: bool) -> None:
        """Have the kernels give up what they do, or no longer."""
        self._held[at.CONTROL][at.STOP] = wanted

    def _put(self, place: int, array: NDArray[Any]) -> None:
        self._held[place] = array
        self._values[place] = array.ctypes.data

    def _put_model(self, weights: Weights) -> None:
        shape, values = self._shape, self._values
        tensors = weights.tensors
        values[at.WEIGHTS] = FORMATS[weights.precision]
        values[at.KEPT] = at.FLOAT32 if weights.precision == "float32" else at.FLOAT16
        values[at.LAYERS : at.VOCABULARY + 1] = (
            shape.layers, shape.hidden, shape.heads, shape.kv_heads, shape.head, shape.inner,
            shape.vocabulary,
        )  # fmt: skip
        values[at.EPSILON : at.EPSILON + 1].view(np.float64)[0] = shape.norm_epsilon
        head = "head" if "head.weight" in tensors else "embed"
        for name, place in (("embed", at.EMBED), (head, at.HEAD_WEIGHT)):
            self._put_matrix(tensors, name, place)
        self._put(at.NORM, tensors["norm"])
        for layer in range(shape.layers):
            start = at.LAYERS_AT + layer * at.PER_LAYER
            for name, place in _MATRICES.items():
                self._put_matrix(tensors, f"layers.{layer}.{name}", start + place)
            for name, place in _VECTORS.items():
                if (vector := tensors.get(f"layers.{layer}.{name}")) is not None:
                    self._put(start + place, vector)

    def _put_matrix(self, tensors: dict[str, NDArray[Any]], name: str, place: int) -> None:
        self._put(place, tensors[f"{name}.weight"])
        if (scale := tensors.get(f"{name}.scale")) is not None:
            self._put(place + 1, scale)
            self._values[place + 2] = scale.shape[1]

    def _put_rows(self) -> None:
        """Make room for what a pass computes on its way."""
        shape = self._shape
        attended = shape.heads * shape.head
        for place, width, kind in (
            (at.X, shape.hidden, np.float32),
            (at.NORMAL, shape.hidden, np.float32),
            (at.ROUNDED, max(shape.hidden, shape.inner, attended), np.int16),
            (at.SCALES, 1, np.float32),
            (at.SUMS, max(shape.hidden, shape.inner, attended) // at.WIDTH, np.float32),
            (at.QKV, shape.qkv, np.float32),
            (at.ATTENDED, attended, np.float32),
            (at.INNER_ROWS, shape.inner, np.float32),
        ):
            self._put(place, aligned(ROWS * width * np.dtype(kind).itemsize).view(kind))
        phases = shape.layers * at.PHASES_PER_LAYER + at.OTHER_PHASES
        self._put(at.COUNTERS, aligned(8 * phases * at.LINE).view(np.int64))
        self._put(at.CONTROL, aligned(8 * at.CONTROL_LINES * at.LINE).view(np.int64))
        self._held[at.CONTROL][:] = 0

    def _reserve(self, longest: int, wanted: int) -> None:
        """Make room for rows that see up to `longest` tokens, and for `wanted` rows of logits."""
        shape = self._shape
        padded = -(-shape.vocabulary // at.WIDTH) * at.WIDTH
        if wanted > self._wanted:
            self._wanted = wanted
            room = aligned(4 * wanted * padded).view(np.float32).reshape(wanted, padded)
            self._put(at.LOGITS, room)
            self.logits = room[:, : shape.vocabulary]
            self.statistics = aligned(32 * wanted).view(np.float64).reshape(wanted, 4)
            self._put(at.STATISTICS, self.statistics)
        if longest > self._longest:
            self._longest = -(-longest // _POSITIONS) * _POSITIONS
            group = shape.heads // shape.kv_heads
            vectors = max(at.TALLEST, group)
            floats = max(vectors * (self._longest + shape.head + 1), 2 * at.WIDTH * ROWS, padded)
            scratch = -(-4 * floats // 128) * 128
            self._put(at.SCRATCH, aligned(scratch * self._threads))
            self._values[at.SCRATCH_BYTES] = scratch
            self._put_rotation(self._longest)

    def _put_rotation(self, positions: int) -> None:
        """Compute the cosines and sines of the rotary embedding: float32 [positions, head / 2]."""
        half = self._shape.head // 2
        angle = np.outer(np.arange(positions), self._shape.rotary.frequencies(half))
        self._put(at.COSINES, np.cos(angle).astype(np.float32))
        self._put(at.SINES, np.sin(angle).astype(np.float32))
