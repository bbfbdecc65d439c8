"""Places in the plan: one block of int64 that tells the kernels all they need to know; and other constants.

It holds sizes, addresses and, after `LAYERS_AT`, `PER_LAYER` addresses for each layer; floats as their bits.
"""

(
    WEIGHTS,
    KEPT,
    LAYERS,
    HIDDEN,
    HEADS,
    KV_HEADS,
    HEAD,
    INNER,
    VOCABULARY,
    EPSILON,
    EMBED,
    EMBED_SCALE,
    EMBED_GROUPS,
    HEAD_WEIGHT,
    HEAD_SCALE,
    HEAD_GROUPS,
    NORM,
    COSINES,
    SINES,
    POOL,
    BLOCK_BYTES,
    ROWS,
    WANTED,
    IDS,
    POSITIONS,
    TABLES,
    X,
    NORMAL,
    ROUNDED,
    SCALES,
    SUMS,
    QKV,
    ATTENDED,
    INNER_ROWS,
    LOGITS,
    STATISTICS,
    SCRATCH,
    SCRATCH_BYTES,
    COUNTERS,
    CONTROL,
    LAYERS_AT,
) = range(41)
"""`WEIGHTS` and `KEPT` are the number formats of the matrices and of the cache. Floats are float64 bits;
`WANTED` counts the last rows whose logits are wanted.
`COUNTERS` and `CONTROL` are what the threads share (see `team`)."""

(
    ATTENTION_NORM,
    QKV_WEIGHT,
    QKV_SCALE,
    QKV_GROUPS,
    QKV_BIAS,
    Q_NORM,
    K_NORM,
    O_WEIGHT,
    O_SCALE,
    O_GROUPS,
    MLP_NORM,
    GATE_UP_WEIGHT,
    GATE_UP_SCALE,
    GATE_UP_GROUPS,
    DOWN_WEIGHT,
    DOWN_SCALE,
    DOWN_GROUPS,
    PER_LAYER,
) = range(18)
"""Addresses of one layer's tensors, 0 where the model has none; `*_GROUPS` are the scales of a row."""

INT8, INT4, FLOAT32, BFLOAT16, FLOAT16 = range(5)
"""Number formats. Those up to `INT4` have scales, and are multiplied by activations that are rounded to
int16. Beside matrices of int4 the embedding and the head are int8. `SUMS` holds, for int4, the sums of each
row's rounded activations over its groups."""

BLOCK = 32
"""Tokens of a block of the key/value cache."""

WIDTH = 16
"""Columns of a tile, and rows of a panel of weights."""

TALLEST = 6
"""Rows of the tallest tile: six times two accumulators, two weights, one activation and one product fill the
16 registers of AVX2."""

LINE = 16
"""int64 from one counter line to the next: two cache lines, which some processors fetch together."""

STOP, OPEN, INSIDE, CONTROL_LINES = 0, LINE, 2 * LINE, 3
"""Places in `CONTROL`: whether to give up, whether there is a pass to help with, and how many threads do."""

PHASES_PER_LAYER, OTHER_PHASES = 10, 4
"""Counter lines that a pass takes."""
