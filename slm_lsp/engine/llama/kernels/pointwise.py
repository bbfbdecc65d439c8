"""What happens to one row at a time: norms, rotation, rounding to int16, exponentials."""

import math
from typing import Any

import numpy as np

from slm_lsp.engine.llama.kernels.plan import FLOAT32
from slm_lsp.engine.llama.kernels.tiles import largest_magnitude, total_of_squares
from slm_lsp.native.access import (
    as_float,
    f32,
    i16,
    nearest,
    put_f32,
    put_half,
    put_i16,
    whole,
)
from slm_lsp.native.jit import jit

STEPS = np.float32(32767)
"""Activations are rounded to so many steps on either side of 0: a row's int16 with its own scale."""

_LEAST = np.float32(1e-30)
"""A row with nothing larger is taken for zeros; its reciprocal would overflow."""

_LOG2_E = np.float32(1.44269504088896341)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1), np.float32(0)
_C0, _C1, _C2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_C3, _C4 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1)
_LOWEST, _HIGHEST = np.float32(-87), np.float32(88)


@jit
def exponential(x: Any) -> Any:
    """Compute e ** x of a float32 in -87 to 88, what lies beyond counting as the end of that range.

    Cephes' `expf` (https://www.netlib.org/cephes), without branches, so that loops over it become vectors.
    """
    x = max(min(x, _HIGHEST), _LOWEST)
    power = nearest(x * _LOG2_E)
    x = x - power * _LN2_HIGH - power * _LN2_LOW
    series = ((((_C0 * x + _C1) * x + _C2) * x + _C3) * x + _C4) * x + _HALF
    series = series * x * x + x + _ONE
    return series * as_float(np.int32((whole(power) + np.int32(127)) << np.int32(23)))


@jit
def quantise(x: int, count: int, out: int, scales: int, row: int) -> None:
    """Round `count` float32 to int16 at `out`, and put their scale at place `row` of `scales`."""
    most = largest_magnitude(x, count)
    inverse = STEPS / most if most > _LEAST else _ZERO
    for index in range(count):
        put_i16(out, index, whole(nearest(f32(x, index) * inverse)))
    put_f32(scales, row, most / STEPS if most > _LEAST else _ZERO)


@jit
def sum_groups(x: int, count: int, size: int, out: int) -> None:
    """Write the sums of every `size` of `count` int16, as float32, which holds them exactly."""
    for group in range(count // size):
        total = 0
        for index in range(group * size, (group + 1) * size):
            total += i16(x, index)
        put_f32(out, group, np.float32(total))


@jit
def rms_norm(x: int, weight: int, count: int, epsilon: float, out: int) -> None:
    """Divide `count` float32 by their root mean square and multiply them by `weight`."""
    mean = total_of_squares(x, count) / np.float32(count)
    factor = np.float32(1) / np.float32(math.sqrt(mean + epsilon))
    for index in range(count):
        put_f32(out, index, f32(x, index) * factor * f32(weight, index))


@jit
def add(x: int, other: int, count: int) -> None:
    """Add `count` float32 to others."""
    for index in range(count):
        put_f32(x, index, f32(x, index) + f32(other, index))


@jit
def rotate(x: int, cosines: int, sines: int, size: int) -> None:
    """Apply the rotary embedding to one head, whose pairs stand half a head apart."""
    half = size // 2
    for index in range(half):
        first, second = f32(x, index), f32(x, index + half)
        cosine, sine = f32(cosines, index), f32(sines, index)
        put_f32(x, index, first * cosine - second * sine)
        put_f32(x, index + half, second * cosine + first * sine)


@jit
def gated(gates: int, ups: int, count: int) -> None:
    """Write silu(gate) * up in place of each of `count` gates."""
    for index in range(count):
        value = f32(gates, index)
        put_f32(gates, index, value / (_ONE + exponential(-value)) * f32(ups, index))


@jit
def copy(x: int, rows: int, count: int, out: int, step: int) -> None:
    """Copy rows of `count` float32, one after another, to where they are `step` float32 apart."""
    for row in range(rows):
        for index in range(count):
            put_f32(out, row * step + index, f32(x, row * count + index))


@jit
def keep(kind: int, x: int, count: int, out: int, step: int) -> None:
    """Write `count` float32 as they are or as float16, `step` of them apart."""
    if kind == FLOAT32:
        for index in range(count):
            put_f32(out, index * step, f32(x, index))
    else:
        for index in range(count):
            put_half(out, index * step, f32(x, index))
