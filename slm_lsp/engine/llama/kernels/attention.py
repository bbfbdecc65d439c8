"""Attention of some rows over the key/value cache.

The cache is made of blocks of `BLOCK` tokens. A block holds, for each layer and each of its key heads, the
keys [BLOCK / WIDTH, head, WIDTH] and then the values [BLOCK, head]: float32 beside weights of float32, and
float16 beside all others. A row's table lists its blocks in the order of positions.
"""

import math

import numpy as np

from slm_lsp.engine.llama.kernels.plan import (
    ATTENDED,
    BLOCK,
    BLOCK_BYTES,
    FLOAT32,
    HEAD,
    HEADS,
    KEPT,
    KV_HEADS,
    POOL,
    POSITIONS,
    QKV,
    TABLES,
    WIDTH,
)
from slm_lsp.engine.llama.kernels.pointwise import exponential, keep
from slm_lsp.engine.llama.kernels.products import float_panel
from slm_lsp.engine.llama.kernels.tiles import largest, total_of
from slm_lsp.native.access import f32, i64, put_f32
from slm_lsp.native.jit import jit

_NOTHING = np.float32(-np.inf)


@jit
def number_size(plan: int) -> int:
    """Return the bytes of a number in the cache."""
    return 4 if i64(plan, KEPT) == FLOAT32 else 2


@jit
def keys_at(plan: int, table: int, block: int, layer: int, kv_head: int) -> int:
    """Return the address of a block's keys; its values are `BLOCK` * head numbers on."""
    unit = BLOCK * i64(plan, HEAD) * 2 * number_size(plan)
    place = layer * i64(plan, KV_HEADS) + kv_head
    return i64(plan, POOL) + i64(table, block) * i64(plan, BLOCK_BYTES) + place * unit


@jit
def store(plan: int, layer: int, row: int) -> None:
    """Put a row's keys and values, after the rotation, in the cache."""
    head, kv_heads, heads = i64(plan, HEAD), i64(plan, KV_HEADS), i64(plan, HEADS)
    position, table = i64(i64(plan, POSITIONS), row), i64(i64(plan, TABLES), row)
    place, kind, size = position % BLOCK, i64(plan, KEPT), number_size(plan)
    keys = i64(plan, QKV) + 4 * head * (row * (heads + 2 * kv_heads) + heads)
    for kv_head in range(kv_heads):
        block = keys_at(plan, table, position // BLOCK, layer, kv_head)
        panel = block + ((place // WIDTH) * head * WIDTH + place % WIDTH) * size
        keep(kind, keys + 4 * head * kv_head, head, panel, WIDTH)
        values = block + (BLOCK + place) * head * size
        keep(kind, keys + 4 * head * (kv_heads + kv_head), head, values, 1)


@jit
def attend(plan: int, layer: int, first: int, last: int, kv_head: int, scratch: int) -> None:
    """Attend with the query heads of one key head, for rows `first` to `last` that share a table.

    A row's scores, its sums over them and its sums over values run in the order of positions and don't
    depend on the rows beside it: what is beyond a row's own position adds zeros.
    """
    head, kv_heads, heads = i64(plan, HEAD), i64(plan, KV_HEADS), i64(plan, HEADS)
    group, kind, size = heads // kv_heads, i64(plan, KEPT), number_size(plan)
    vectors = (last - first) * group
    table, positions = i64(i64(plan, TABLES), first), i64(plan, POSITIONS)
    longest = i64(positions, last - 1) + 1
    step = 4 * ((longest + BLOCK - 1) // BLOCK * BLOCK)
    queries, scores = scratch, scratch + vectors * head * 4
    sums = scores + vectors * step
    _gather(plan, first, last, kv_head, queries)
    for panel in range((longest + WIDTH - 1) // WIDTH):
        keys = keys_at(plan, table, panel // (BLOCK // WIDTH), layer, kv_head)
        keys += panel % (BLOCK // WIDTH) * head * WIDTH * size
        out = scores + panel * WIDTH * 4
        float_panel(kind, queries, head * 4, vectors, keys, WIDTH * size, head, out, step, 0)
    for vector in range(vectors):
        put_f32(
            sums,
            vector,
            _soften(scores + vector * step, i64(positions, first + vector // group) + 1, step // 4),
        )
    totals = queries  # no longer needed
    for block in range((longest + BLOCK - 1) // BLOCK):
        values = keys_at(plan, table, block, layer, kv_head) + BLOCK * head * size
        count = min(BLOCK, longest - block * BLOCK)
        for column in range(0, head, WIDTH):
            float_panel(
                kind, scores + block * BLOCK * 4, step, vectors, values + column * size, head * size, count,
                totals + column * 4, head * 4, block,
            )  # fmt: skip
    out = i64(plan, ATTENDED)
    for vector in range(vectors):
        row, inner = first + vector // group, kv_head * group + vector % group
        factor = np.float32(1) / f32(sums, vector)
        for index in range(head):
            put_f32(
                out + 4 * head * (row * heads + inner), index, f32(totals, vector * head + index) * factor
            )


@jit
def attend_rows(plan: int, layer: int, first: int, last: int, kv_head: int, scratch: int) -> None:
    """Attend for rows `first` to `last`, whatever tables they have."""
    tables = i64(plan, TABLES)
    while first < last:
        end = first + 1
        while end < last and i64(tables, end) == i64(tables, first):
            end += 1
        attend(plan, layer, first, end, kv_head, scratch)
        first = end


@jit
def _gather(plan: int, first: int, last: int, kv_head: int, queries: int) -> None:
    """Copy the rows' query vectors of one key head, divided by the root of their length."""
    head, kv_heads, heads = i64(plan, HEAD), i64(plan, KV_HEADS), i64(plan, HEADS)
    group = heads // kv_heads
    factor = np.float32(1 / math.sqrt(head))
    for row in range(first, last):
        source = i64(plan, QKV) + 4 * head * (row * (heads + 2 * kv_heads) + kv_head * group)
        target = queries + 4 * head * group * (row - first)
        for index in range(group * head):
            put_f32(target, index, f32(source, index) * factor)


@jit
def _soften(scores: int, count: int, room: int) -> float:
    """Turn `count` scores into their exponentials over the largest, zeros up to `room`; return their sum."""
    padded = (count + WIDTH - 1) // WIDTH * WIDTH
    for index in range(count, padded):
        put_f32(scores, index, _NOTHING)
    most = largest(scores, padded)
    for index in range(count):
        put_f32(scores, index, exponential(f32(scores, index) - most))
    for index in range(count, room):
        put_f32(scores, index, np.float32(0))
    return total_of(scores, padded)
