"""Matrix products made of tiles."""

from slm_lsp.engine.llama.kernels.jit import jit
from slm_lsp.engine.llama.kernels.plan import TALLEST
from slm_lsp.engine.llama.kernels.tiles import (
    half_1,
    half_2,
    half_3,
    half_4,
    half_5,
    half_6,
    int_1,
    int_2,
    int_3,
    int_4,
    int_5,
    int_6,
)


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
    """Multiply `rows` rows by one panel, in tiles as even as can be (see `tiles.int_1`)."""
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


@jit
def half_panel(
    x: int, x_step: int, rows: int, panel: int, panel_step: int, count: int, y: int, y_step: int, add: int
) -> None:
    """Multiply `rows` rows by one panel of float16 (see `tiles.half_1`)."""
    tiles = -(-rows // TALLEST)
    done = 0
    for tile in range(tiles):
        height = (rows - done) // (tiles - tile)
        at, out = x + done * x_step, y + done * y_step
        if height == 1:
            half_1(at, x_step, panel, panel_step, count, out, y_step, add)
        elif height == 2:
            half_2(at, x_step, panel, panel_step, count, out, y_step, add)
        elif height == 3:
            half_3(at, x_step, panel, panel_step, count, out, y_step, add)
        elif height == 4:
            half_4(at, x_step, panel, panel_step, count, out, y_step, add)
        elif height == 5:
            half_5(at, x_step, panel, panel_step, count, out, y_step, add)
        else:
            half_6(at, x_step, panel, panel_step, count, out, y_step, add)
        done += height
