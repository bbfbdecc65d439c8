"""Matrix products made of tiles."""

from collections.abc import Callable
from typing import Any

from slm_lsp.engine.llama.kernels.jit import jit
from slm_lsp.engine.llama.kernels.plan import BFLOAT16, FLOAT32, TALLEST
from slm_lsp.engine.llama.kernels.tiles import BFLOAT16_TILES, FLOAT16_TILES, FLOAT32_TILES, INT8_TILES

int_1, int_2, int_3, int_4, int_5, int_6 = INT8_TILES


@jit
def int_panel(
    x: int,
    x_step: int,
    rows: int,
    weight: int,
    scale: int,
    groups: int,
    pairs: int,
    x_scale: int,
    y: int,
    y_step: int,
    add: int,
) -> None:
    """Multiply `rows` rows by one panel, in tiles as even as can be (see `tiles.INT8_TILES`)."""
    tiles = -(-rows // TALLEST)
    done = 0
    for tile in range(tiles):
        height = (rows - done) // (tiles - tile)
        at, scales, out = x + done * x_step, x_scale + done * 4, y + done * y_step
        if height == 1:
            int_1(at, x_step, weight, scale, groups, pairs, scales, out, y_step, add)
        elif height == 2:
            int_2(at, x_step, weight, scale, groups, pairs, scales, out, y_step, add)
        elif height == 3:
            int_3(at, x_step, weight, scale, groups, pairs, scales, out, y_step, add)
        elif height == 4:
            int_4(at, x_step, weight, scale, groups, pairs, scales, out, y_step, add)
        elif height == 5:
            int_5(at, x_step, weight, scale, groups, pairs, scales, out, y_step, add)
        else:
            int_6(at, x_step, weight, scale, groups, pairs, scales, out, y_step, add)
        done += height


def _floats(tiles: tuple[Any, ...]) -> Callable[[int, int, int, int, int, int, int, int, int], None]:
    one, two, three, four, five, six = tiles

    @jit
    def multiply(
        x: int, x_step: int, rows: int, panel: int, panel_step: int, count: int, y: int, y_step: int, add: int
    ) -> None:
        tiles = -(-rows // TALLEST)
        done = 0
        for tile in range(tiles):
            height = (rows - done) // (tiles - tile)
            at, out = x + done * x_step, y + done * y_step
            if height == 1:
                one(at, x_step, panel, panel_step, count, out, y_step, add)
            elif height == 2:
                two(at, x_step, panel, panel_step, count, out, y_step, add)
            elif height == 3:
                three(at, x_step, panel, panel_step, count, out, y_step, add)
            elif height == 4:
                four(at, x_step, panel, panel_step, count, out, y_step, add)
            elif height == 5:
                five(at, x_step, panel, panel_step, count, out, y_step, add)
            else:
                six(at, x_step, panel, panel_step, count, out, y_step, add)
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
    """Multiply `rows` rows by one panel of a format other than int8 (see `tiles.FLOAT32_TILES`)."""
    if kind == FLOAT32:
        _float32_panel(x, x_step, rows, panel, panel_step, count, y, y_step, add)
    elif kind == BFLOAT16:
        _bfloat16_panel(x, x_step, rows, panel, panel_step, count, y, y_step, add)
    else:
        _float16_panel(x, x_step, rows, panel, panel_step, count, y, y_step, add)
