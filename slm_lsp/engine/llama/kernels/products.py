"""Matrix products made of tiles."""

from collections.abc import Callable
from typing import Any

from slm_lsp.engine.llama.kernels.plan import BFLOAT16, FLOAT32, INT8, TALLEST
from slm_lsp.engine.llama.kernels.tiles import (
    BFLOAT16_TILES,
    FLOAT16_TILES,
    FLOAT32_TILES,
    INT4_TILES,
    INT8_TILES,
)
from slm_lsp.native.jit import jit


def _of_height(tiles: tuple[Any, ...]) -> Callable[..., None]:
    """Make a function that takes a height, and the arguments of the tile of that height."""
    one, two, three, four, five, six = tiles

    @jit
    def tile(height: int, *arguments: int) -> None:
        if height == 1:
            one(*arguments)
        elif height == 2:
            two(*arguments)
        elif height == 3:
            three(*arguments)
        elif height == 4:
            four(*arguments)
        elif height == 5:
            five(*arguments)
        else:
            six(*arguments)

    return tile


def _ints(
    tiles: tuple[Any, ...],
) -> Callable[[int, int, int, int, int, int, int, int, int, int, int, int], None]:
    tile = _of_height(tiles)

    @jit
    def multiply(
        x: int,
        x_step: int,
        rows: int,
        weight: int,
        scale: int,
        groups: int,
        pairs: int,
        x_scale: int,
        x_sums: int,
        y: int,
        y_step: int,
        add: int,
    ) -> None:
        tiles = -(-rows // TALLEST)
        done = 0
        for index in range(tiles):
            height = (rows - done) // (tiles - index)
            at, scales, out = x + done * x_step, x_scale + done * 4, y + done * y_step
            sums = x_sums + done * groups * 4
            tile(height, at, x_step, weight, scale, groups, pairs, scales, sums, out, y_step, add)
            done += height

    return multiply


_int8_panel, _int4_panel = map(_ints, (INT8_TILES, INT4_TILES))


@jit
def int_panel(
    kind: int,
    x: int,
    x_step: int,
    rows: int,
    weight: int,
    scale: int,
    groups: int,
    pairs: int,
    x_scale: int,
    x_sums: int,
    y: int,
    y_step: int,
    add: int,
) -> None:
    """Multiply `rows` rows by a panel of whole numbers, in tiles as even as can be (see `INT8_TILES`)."""
    if kind == INT8:
        _int8_panel(x, x_step, rows, weight, scale, groups, pairs, x_scale, x_sums, y, y_step, add)
    else:
        _int4_panel(x, x_step, rows, weight, scale, groups, pairs, x_scale, x_sums, y, y_step, add)


def _floats(tiles: tuple[Any, ...]) -> Callable[[int, int, int, int, int, int, int, int, int], None]:
    tile = _of_height(tiles)

    @jit
    def multiply(
        x: int, x_step: int, rows: int, panel: int, panel_step: int, count: int, y: int, y_step: int, add: int
    ) -> None:
        tiles = -(-rows // TALLEST)
        done = 0
        for index in range(tiles):
            height = (rows - done) // (tiles - index)
            tile(height, x + done * x_step, x_step, panel, panel_step, count, y + done * y_step, y_step, add)
            done += height

    return multiply


_float32_panel, _bfloat16_panel, _float16_panel = map(_floats, (FLOAT32_TILES, BFLOAT16_TILES, FLOAT16_TILES))


@jit
def float_panel(
    kind: int,
    x: int,
    x_step: int,
    rows: int,
    panel: int,
    panel_step: int,
    count: int,
    y: int,
    y_step: int,
    add: int,
) -> None:
    """Multiply `rows` rows by one panel of floats (see `tiles.FLOAT32_TILES`)."""
    if kind == FLOAT32:
        _float32_panel(x, x_step, rows, panel, panel_step, count, y, y_step, add)
    elif kind == BFLOAT16:
        _bfloat16_panel(x, x_step, rows, panel, panel_step, count, y, y_step, add)
    else:
        _float16_panel(x, x_step, rows, panel, panel_step, count, y, y_step, add)
