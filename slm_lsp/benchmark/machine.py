"""How fast this machine is at what a model asks of it, and how fast models would therefore answer here."""

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from slm_lsp.benchmark.shapes import PROBE, write_random
from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Engine, Usage
from slm_lsp.engine.load import load_engine
from slm_lsp.engine.lookup import Nothing
from slm_lsp.models.known import KNOWN, KnownModel

READ, WRITTEN = 4, 16
"""Tokens of what is timed: an answer of a line, after a few keys."""

LIMITS = (100, 300, 1000)
"""Milliseconds in which an answer is at once, soon, or still of use."""

BESIDE = 300_000_000
"""Bytes that a process takes beside weights, keys and values."""

CONTEXT = 8192
"""Tokens whose keys and values have room."""

_ROWS, _REPEATS = 128, 3


@dataclass(frozen=True, slots=True)
class Machine:
    """What our kernels reach here: bytes of weights read, and multiplications and additions, per second."""

    bandwidth: float
    speed: float


def measure(threads: int = 0) -> Machine:
    """Time a model of random weights for a few seconds.

    Raises:
        ModelError: the processor can't run the kernels.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_random(PROBE, Path(folder), "int8")
        engine = load_engine(
            Path(folder),
            None,
            device="cpu",
            precision="int8",
            threads=threads,
            cache_memory=16,
            progress=lambda _done, _what: None,
        )
    try:
        embedding = PROBE["vocab_size"] * PROBE["hidden_size"]
        parameters = engine.info.parameters
        reading = min(_reading(engine, turn) for turn in range(_REPEATS))
        writing = min(_writing(engine, turn) for turn in range(_REPEATS))
    finally:
        engine.close()
    # Of all rows but the last no logits are computed.
    return Machine(1.125 * parameters / writing, 2 * (parameters - embedding) * _ROWS / reading)


def answer_ms(row: KnownModel, machine: Machine) -> float:
    """Return the milliseconds of an answer of `WRITTEN` tokens after `READ` new ones, in int8.

    Each token is a pass that reads every weight that takes part once, and reading multiplies with each.
    """
    pass_ = 1.125 * row.active / machine.bandwidth
    reading = max(pass_, 2 * row.active * READ / machine.speed)
    return 1e3 * (reading + (WRITTEN - 1) * pass_)


def needed(row: KnownModel) -> int:
    """Return the bytes of memory that a model takes in int8, with keys and values for `CONTEXT` tokens."""
    sizes = row.shape
    # Keys and values of a token, two bytes a number.
    kept = 4 * sizes.layers * sizes.kv_heads * sizes.head if sizes else 0
    return row.memory("int8") + CONTEXT * kept + BESIDE


def within(machine: Machine, milliseconds: float, memory: int) -> list[KnownModel]:
    """Return the known models that answer within a time and fit in `memory` bytes, the largest first."""
    fitting = [
        row
        for row in KNOWN.values()
        if not row.refused and needed(row) <= memory and answer_ms(row, machine) <= milliseconds
    ]
    return sorted(fitting, key=lambda row: -row.parameters)


def _reading(engine: Engine, turn: int) -> float:
    """Return the seconds in which a prompt of `_ROWS` tokens is read."""
    draw = random.Random(turn)
    prompt = [draw.randrange(PROBE["vocab_size"]) for _ in range(_ROWS)]
    started = time.perf_counter()
    engine.prefill(prompt, CancelToken(), Usage())
    return time.perf_counter() - started


def _writing(engine: Engine, turn: int) -> float:
    """Return the seconds of a token that is written."""
    tokens = engine.generate([turn], Decoding(WRITTEN, drafts=Nothing()), CancelToken(), Usage())
    next(tokens)
    started = time.perf_counter()
    count = sum(1 for _ in tokens)
    return (time.perf_counter() - started) / count
