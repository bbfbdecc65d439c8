"""The forward pass, as every thread of the team runs it."""

import math

import numpy as np

from slm_lsp.engine.llama.kernels import plan as at
from slm_lsp.engine.llama.kernels.attention import attend_rows, store
from slm_lsp.engine.llama.kernels.matrices import (
    ADD,
    PIECE_BYTES,
    STORE,
    format_of,
    multiply,
    panel_size,
    product,
)
from slm_lsp.engine.llama.kernels.pointwise import (
    add,
    copy,
    exponential,
    gated,
    quantise,
    rms_norm,
    rotate,
    sum_groups,
)
from slm_lsp.engine.llama.kernels.team import claim, finish, wait
from slm_lsp.engine.llama.kernels.tiles import largest, total_of
from slm_lsp.native.access import (
    bf16,
    f16,
    f32,
    f64,
    fetch,
    fetch_add,
    give_way,
    i8_as_f32,
    i64,
    publish,
    put_f32,
    put_f64,
)
from slm_lsp.native.jit import jit

_PIECES = 16
"""Pieces that rows are shared out in, where each row is little work."""


@jit
def join(plan: int, thread: int) -> int:
    """Take part in the pass, if there is one; return 1 if it was brought to its end.

    Thread 0 stays to the end, after which nobody looks at the plan; the others may come at any time.
    """
    control = i64(plan, at.CONTROL)
    fetch_add(control, at.INSIDE, 1)
    done = 0
    if fetch(control, at.OPEN):
        done = forward(plan, i64(plan, at.SCRATCH) + thread * i64(plan, at.SCRATCH_BYTES))
    if thread == 0:
        publish(control, at.OPEN, 0)
    fetch_add(control, at.INSIDE, -1)
    while thread == 0 and fetch(control, at.INSIDE):
        # The plan must not change under one who is about to see that all is done.
        give_way()
    return done


@jit
def forward(plan: int, scratch: int) -> int:
    """Run the phases in turn; return 0 if the pass was given up."""
    rows, layers = i64(plan, at.ROWS), i64(plan, at.LAYERS)
    if not embed(plan, 0):
        return 0
    for index in range(layers):
        layer = plan + 8 * (at.LAYERS_AT + index * at.PER_LAYER)
        # Of the last layer most rows are needed for their keys and values only.
        first = 0 if index < layers - 1 else rows - i64(plan, at.WANTED)
        phase = 1 + 10 * index
        if not (
            project(plan, layer, phase)
            and place(plan, layer, index, phase + 2)
            and attend(plan, index, phase + 3, first, scratch)
            and attend_out(plan, layer, phase + 4, first)
            and mlp(plan, layer, phase + 6, first, scratch)
        ):
            return 0
    return 1 if choose(plan, 1 + 10 * layers, rows - i64(plan, at.WANTED), scratch) else 0


@jit
def embed(plan: int, phase: int) -> bool:
    """Look the rows' tokens up."""
    rows, hidden = i64(plan, at.ROWS), i64(plan, at.HIDDEN)
    row = claim(plan, phase, rows)
    while row < rows:
        look_up(plan, i64(i64(plan, at.IDS), row), i64(plan, at.X) + 4 * hidden * row)
        finish(plan, phase)
        row = claim(plan, phase, rows)
    return wait(plan, phase, rows)


@jit
def look_up(plan: int, token: int, out: int) -> None:
    """Write a token's embedding, float32."""
    hidden, groups, kind = i64(plan, at.HIDDEN), i64(plan, at.EMBED_GROUPS), format_of(plan, plan)
    panel, column = token // at.WIDTH, token % at.WIDTH
    weight = i64(plan, at.EMBED) + panel * panel_size(kind, hidden)
    if kind == at.INT8:
        scale = i64(plan, at.EMBED_SCALE) + 4 * (panel * groups * at.WIDTH + column)
        for group in range(groups):
            step = f32(scale, group * at.WIDTH)
            for index in range(group * (hidden // groups), (group + 1) * (hidden // groups)):
                value = i8_as_f32(weight, (index // 2 * at.WIDTH + column) * 2 + index % 2)
                put_f32(out, index, value * step)
    else:
        for index in range(hidden):
            place = index * at.WIDTH + column
            if kind == at.FLOAT32:
                put_f32(out, index, f32(weight, place))
            elif kind == at.BFLOAT16:
                put_f32(out, index, bf16(weight, place))
            else:
                put_f32(out, index, f16(weight, place))


@jit
def round_row(plan: int, layer: int, groups: int, x: int, count: int, row: int) -> None:
    """Round a row of activations to int16, and add up its groups where the weights are int4.

    The number of a row's groups stands at `groups` of `layer`.
    """
    out = i64(plan, at.ROUNDED) + 2 * count * row
    quantise(x, count, out, i64(plan, at.SCALES), row)
    if format_of(plan, layer) == at.INT4:
        many = i64(layer, groups)
        sum_groups(out, count, count // many, i64(plan, at.SUMS) + 4 * many * row)


@jit
def project(plan: int, layer: int, phase: int) -> bool:
    """Norm, and the product that gives queries, keys and values; two phases."""
    width = (i64(plan, at.HEADS) + 2 * i64(plan, at.KV_HEADS)) * i64(plan, at.HEAD)
    if not normalise(plan, layer, at.ATTENTION_NORM, at.QKV_GROUPS, phase, 0):
        return False
    x, out = i64(plan, at.NORMAL), i64(plan, at.QKV)
    return product(plan, layer, at.QKV_WEIGHT, phase + 1, x, 0, i64(plan, at.HIDDEN), out, width, STORE)


@jit
def place(plan: int, layer: int, index: int, phase: int) -> bool:
    """Bias, norm and rotation of queries and keys; keys and values go to the cache."""
    rows, head = i64(plan, at.ROWS), i64(plan, at.HEAD)
    heads, kv_heads = i64(plan, at.HEADS), i64(plan, at.KV_HEADS)
    width = (heads + 2 * kv_heads) * head
    row = claim(plan, phase, rows)
    while row < rows:
        x, position = i64(plan, at.QKV) + 4 * width * row, i64(i64(plan, at.POSITIONS), row)
        if i64(layer, at.QKV_BIAS):
            add(x, i64(layer, at.QKV_BIAS), width)
        for one in range(heads + kv_heads):
            vector = x + 4 * head * one
            norm = i64(layer, at.Q_NORM if one < heads else at.K_NORM)
            if norm:
                rms_norm(vector, norm, head, f64(plan, at.EPSILON), vector)
            angle = position * (head // 2) * 4
            rotate(vector, i64(plan, at.COSINES) + angle, i64(plan, at.SINES) + angle, head)
        store(plan, index, row)
        finish(plan, phase)
        row = claim(plan, phase, rows)
    return wait(plan, phase, rows)


@jit
def attend(plan: int, index: int, phase: int, first: int, scratch: int) -> bool:
    """Attention of the rows from `first` on; a piece is a key head and as many rows as fill a tile."""
    rows, kv_heads = i64(plan, at.ROWS), i64(plan, at.KV_HEADS)
    some = max(1, at.TALLEST // (i64(plan, at.HEADS) // kv_heads))
    blocks = (rows - first + some - 1) // some
    pieces = blocks * kv_heads
    piece = claim(plan, phase, pieces)
    while piece < pieces:
        start = first + piece // kv_heads * some
        attend_rows(plan, index, start, min(rows, start + some), piece % kv_heads, scratch)
        finish(plan, phase)
        piece = claim(plan, phase, pieces)
    return wait(plan, phase, pieces)


@jit
def attend_out(plan: int, layer: int, phase: int, first: int) -> bool:
    """The product after attention, added to the rows; two phases."""
    width, x = i64(plan, at.HEADS) * i64(plan, at.HEAD), i64(plan, at.ATTENDED)
    if not rounded(plan, layer, at.O_GROUPS, x, width, phase, first):
        return False
    hidden = i64(plan, at.HIDDEN)
    return product(plan, layer, at.O_WEIGHT, phase + 1, x, first, width, i64(plan, at.X), hidden, ADD)


@jit
def mlp(plan: int, layer: int, phase: int, first: int, scratch: int) -> bool:
    """Norm, gated product and the product back, added to the rows; four phases."""
    hidden, inner, x = i64(plan, at.HIDDEN), i64(plan, at.INNER), i64(plan, at.INNER_ROWS)
    if not normalise(plan, layer, at.MLP_NORM, at.GATE_UP_GROUPS, phase, first):
        return False
    if not gate_up(plan, layer, phase + 1, first, scratch):
        return False
    if not rounded(plan, layer, at.DOWN_GROUPS, x, inner, phase + 2, first):
        return False
    return product(plan, layer, at.DOWN_WEIGHT, phase + 3, x, first, inner, i64(plan, at.X), hidden, ADD)


@jit
def choose(plan: int, phase: int, first: int, scratch: int) -> bool:
    """Norm, logits and what is told of them, for the rows whose logits are wanted; three phases."""
    if not normalise(plan, plan, at.NORM, at.HEAD_GROUPS, phase, first):
        return False
    vocabulary = (i64(plan, at.VOCABULARY) + at.WIDTH - 1) // at.WIDTH * at.WIDTH
    x, out = i64(plan, at.NORMAL), i64(plan, at.LOGITS) - first * vocabulary * 4
    hidden = i64(plan, at.HIDDEN)
    if not product(plan, plan, at.HEAD_WEIGHT, phase + 1, x, first, hidden, out, vocabulary, STORE):
        return False
    rows = i64(plan, at.WANTED)
    row = claim(plan, phase + 2, rows)
    while row < rows:
        describe(
            i64(plan, at.LOGITS) + row * vocabulary * 4,
            i64(plan, at.VOCABULARY),
            vocabulary,
            i64(plan, at.STATISTICS) + row * 32,
            scratch,
        )
        finish(plan, phase + 2)
        row = claim(plan, phase + 2, rows)
    return wait(plan, phase + 2, rows)


@jit
def describe(logits: int, count: int, padded: int, out: int, scratch: int) -> None:
    """Write as float64 which logit is the first of the largest, its value, the log of the sum of all
    exponentials, and the distribution's entropy in nats.
    """  # fmt: skip
    for index in range(count, padded):
        put_f32(logits, index, np.float32(-np.inf))
    most = largest(logits, padded)
    best = 0
    while best < count - 1 and f32(logits, best) != most:
        best += 1
    for index in range(padded):
        put_f32(scratch, index, exponential(f32(logits, index) - most))
    for index in range(count, padded):
        put_f32(scratch, index, np.float32(0))
    total = total_of(scratch, padded)
    for index in range(count):
        put_f32(scratch, index, f32(scratch, index) * (f32(logits, index) - most))
    expected = total_of(scratch, padded) / total
    put_f64(out, 0, best)
    put_f64(out, 1, most)
    put_f64(out, 2, most + math.log(total))
    put_f64(out, 3, math.log(total) - expected)


@jit
def normalise(plan: int, layer: int, norm: int, groups: int, phase: int, first: int) -> bool:
    """Norm of the rows from `first` on, rounded to int16 for weights that are whole numbers: see `round_row`.

    The address of the norm's weights stands at `norm` of `layer`.
    """
    rows, hidden = i64(plan, at.ROWS) - first, i64(plan, at.HIDDEN)
    some = (rows + _PIECES - 1) // _PIECES
    pieces = (rows + some - 1) // some if rows else 0
    out = i64(plan, at.NORMAL)
    piece = claim(plan, phase, pieces)
    while piece < pieces:
        for row in range(first + piece * some, first + min(rows, (piece + 1) * some)):
            normal = out + 4 * hidden * row
            x = i64(plan, at.X) + 4 * hidden * row
            rms_norm(x, i64(layer, norm), hidden, f64(plan, at.EPSILON), normal)
            if i64(plan, at.WEIGHTS) <= at.INT4:
                round_row(plan, layer, groups, normal, hidden, row)
        finish(plan, phase)
        piece = claim(plan, phase, pieces)
    return wait(plan, phase, pieces)


@jit
def rounded(plan: int, layer: int, groups: int, x: int, width: int, phase: int, first: int) -> bool:
    """Round the rows from `first` on to int16 for weights that are whole numbers."""
    if i64(plan, at.WEIGHTS) > at.INT4:
        return True
    rows = i64(plan, at.ROWS) - first
    some = (rows + _PIECES - 1) // _PIECES
    pieces = (rows + some - 1) // some if rows else 0
    piece = claim(plan, phase, pieces)
    while piece < pieces:
        for row in range(first + piece * some, first + min(rows, (piece + 1) * some)):
            round_row(plan, layer, groups, x + 4 * width * row, width, row)
        finish(plan, phase)
        piece = claim(plan, phase, pieces)
    return wait(plan, phase, pieces)


@jit
def gate_up(plan: int, layer: int, phase: int, first: int, scratch: int) -> bool:
    """The gated product: panels of gates and of ups take turns, so that a piece has both of its columns."""
    rows, hidden, inner = i64(plan, at.ROWS) - first, i64(plan, at.HIDDEN), i64(plan, at.INNER)
    x, panels, step = i64(plan, at.NORMAL), inner // at.WIDTH, 4 * at.WIDTH
    ups = scratch + rows * step
    some = max(1, PIECE_BYTES // (2 * hidden * at.WIDTH))
    pieces = (panels + some - 1) // some if rows else 0
    piece = claim(plan, phase, pieces)
    while piece < pieces:
        for panel in range(piece * some, min(panels, (piece + 1) * some)):
            for side in range(2):
                out = ups if side else scratch
                multiply(plan, layer, at.GATE_UP_WEIGHT, 2 * panel + side, x, first, hidden, out, step, STORE)
            # One long loop becomes vectors; many of `WIDTH` turns would not.
            gated(scratch, ups, rows * at.WIDTH)
            copy(
                scratch,
                rows,
                at.WIDTH,
                i64(plan, at.INNER_ROWS) + 4 * (inner * first + panel * at.WIDTH),
                inner,
            )
        finish(plan, phase)
        piece = claim(plan, phase, pieces)
    return wait(plan, phase, pieces)
