"""Products of rows and whole matrices, which the threads share out among them."""

from slm_lsp.engine.llama.kernels import plan as at
from slm_lsp.engine.llama.kernels.products import float_panel, int_panel
from slm_lsp.engine.llama.kernels.team import claim, finish, wait
from slm_lsp.native.access import i64
from slm_lsp.native.jit import jit

PIECE_BYTES = 32768
"""Weights of a piece of a product: enough to be worth claiming, few enough for all to end together."""

STORE, ADD = 0, 1
"""Whether a product takes the place of what was there, or is added to it."""


@jit
def format_of(plan: int, layer: int) -> int:
    """Return the number format of a layer's matrices, or of the plan's own: the embedding and the head."""
    kind = i64(plan, at.WEIGHTS)
    return at.INT8 if kind == at.INT4 and layer == plan else kind


@jit
def weight_size(kind: int) -> int:
    """Return the bytes of a weight that takes whole ones."""
    if kind == at.INT8:
        return 1
    return 4 if kind == at.FLOAT32 else 2


@jit
def panel_size(kind: int, inputs: int) -> int:
    """Return the bytes of a panel's weights."""
    if kind == at.INT4:
        return inputs * at.WIDTH // 2
    return inputs * at.WIDTH * weight_size(kind)


@jit
def product(
    plan: int,
    layer: int,
    weight: int,
    phase: int,
    x: int,
    first: int,
    inputs: int,
    out: int,
    outputs: int,
    add: int,
) -> bool:
    """Multiply the rows from `first` on by a matrix whose addresses stand at `weight` of `layer`.

    `x` has the rows as float32; where they were rounded, they stand at `plan.ROUNDED` too.
    """
    rows, panels = i64(plan, at.ROWS) - first, outputs // at.WIDTH
    some = max(1, PIECE_BYTES // (inputs * at.WIDTH))
    pieces = (panels + some - 1) // some if rows else 0
    piece = claim(plan, phase, pieces)
    while piece < pieces:
        for panel in range(piece * some, min(panels, (piece + 1) * some)):
            target = out + 4 * (outputs * first + panel * at.WIDTH)
            multiply(plan, layer, weight, panel, x, first, inputs, target, 4 * outputs, add)
        finish(plan, phase)
        piece = claim(plan, phase, pieces)
    return wait(plan, phase, pieces)


@jit
def multiply(
    plan: int,
    layer: int,
    weight: int,
    panel: int,
    x: int,
    first: int,
    inputs: int,
    out: int,
    out_step: int,
    add: int,
) -> None:
    """Multiply the rows from `first` on by one panel of a matrix (see `product`)."""
    rows, kind = i64(plan, at.ROWS) - first, format_of(plan, layer)
    values = i64(layer, weight) + panel * panel_size(kind, inputs)
    if kind <= at.INT4:
        groups = i64(layer, weight + 2)
        scales = groups * at.WIDTH * 4  # bytes: of int4 there are two float16 for each of int8's float32
        int_panel(
            kind,
            i64(plan, at.ROUNDED) + 2 * inputs * first,
            2 * inputs,
            rows,
            values,
            i64(layer, weight + 1) + panel * scales,
            groups,
            inputs // groups // 2,
            i64(plan, at.SCALES) + 4 * first,
            i64(plan, at.SUMS) + 4 * groups * first,
            out,
            out_step,
            add,
        )
    else:
        step = at.WIDTH * weight_size(kind)
        float_panel(kind, x + 4 * inputs * first, 4 * inputs, rows, values, step, inputs, out, out_step, add)
