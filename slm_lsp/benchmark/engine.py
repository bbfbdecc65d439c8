"""The engine by itself: what it reads and writes, what a pass costs, and how fast it lets go."""

import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from slm_lsp.benchmark.race import COLD, DEPTH, WRITTEN, Figures, Timed
from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, DraftSource, Engine, Usage
from slm_lsp.engine.lookup import Lookup, Nothing

ROWS = (1, 2, 4, 8, 16)
"""Tokens that are read at once behind a cached prompt: what it costs to verify a draft that is shorter by
one."""

REPEATS = 5
"""Times that a pass, and a completion of a few new tokens, are timed."""

CANCELS = 40
"""Readings, and as many writings, that are called off, each at another moment."""

_WARM, _SUGGESTED = 4, 16
"""New tokens of a completion after typing on, and tokens of the suggestion."""


class Ours:
    """An engine; a runner (see `slm_lsp.benchmark.race`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._drafted = Usage()

    @property
    def tokens_per_pass(self) -> float:
        """Tokens that a pass gave with drafts: one, and the drafts that were right."""
        return 1 + self._drafted.accepted / max(1, self._drafted.passes)

    def complete(self, prompt: Sequence[int], count: int) -> Timed:
        """See `slm_lsp.benchmark.race.Runner`."""
        usage = Usage()
        plain = self._write(prompt, count, Nothing(), usage)
        # A lookup of its own knows the prompt alone, and nothing that was written from it before.
        return Timed(usage.prefill_ms / 1e3, plain, self._write(prompt, count, Lookup(), self._drafted))

    def _write(self, prompt: Sequence[int], count: int, drafts: DraftSource, usage: Usage) -> float:
        tokens = self._engine.generate(prompt, Decoding(count, drafts=drafts), CancelToken(), usage)
        next(tokens)
        started = time.perf_counter()
        for _ in tokens:
            pass
        return time.perf_counter() - started


def measure(engine: Engine, prompts: Sequence[list[int]], told: Callable[[str], None]) -> Figures:
    """Measure what only our engine does, with prompts of at least `COLD` tokens."""
    figures: Figures = {}
    told("the cost of a pass")
    for rows in ROWS:
        figures[f"pass_ms_{rows}"] = min(_pass(engine, prompts[0][:DEPTH], rows) for _ in range(REPEATS))
    told("typing on")
    figures["warm_ms"] = statistics.median(_typed(engine, prompts[1], place) for place in range(REPEATS))
    told("writing on a busy machine")
    figures["busy_ms"] = _busy(engine, prompts[2][:DEPTH])
    told("calling off")
    for name, decoding in (("read", Decoding(1)), ("write", Decoding(512, drafts=Nothing()))):
        tried = (_cancel(engine, prompts, decoding, turn) for turn in range(CANCELS))
        if caught := [ms for ms in tried if ms is not None]:
            figures[f"cancel_ms_{name}"] = float(np.percentile(caught, 95))
    return figures


def _pass(engine: Engine, prompt: list[int], rows: int) -> float:
    engine.prefill(prompt[:-rows], CancelToken(), Usage())
    started = time.perf_counter()
    engine.prefill(prompt, CancelToken(), Usage())
    return 1e3 * (time.perf_counter() - started)


def _typed(engine: Engine, prompt: list[int], place: int) -> float:
    """Return the ms of a completion of which all but the last few tokens have been read."""
    prompt = prompt[: DEPTH + 2 * _WARM * place]
    engine.prefill(prompt[:-_WARM], CancelToken(), Usage())
    started = time.perf_counter()
    for _ in engine.generate(prompt, Decoding(_SUGGESTED), CancelToken(), Usage()):
        pass
    return 1e3 * (time.perf_counter() - started)


def _busy(engine: Engine, prompt: list[int]) -> float:
    """Return the ms a token of plain decoding beside a process that keeps a core busy."""
    tokens = engine.generate(prompt, Decoding(WRITTEN, drafts=Nothing()), CancelToken(), Usage())
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            next(tokens)
            started = time.perf_counter()
            count = sum(1 for _ in tokens)
            return 1e3 * (time.perf_counter() - started) / count
        finally:
            other.kill()


def _cancel(engine: Engine, prompts: Sequence[list[int]], decoding: Decoding, turn: int) -> float | None:
    """Return the ms from a cancel, a moment after reading or writing began, until the engine is free.

    None if it had come to its end by then.
    """
    reads = decoding.max_tokens == 1
    prompt = [turn, *prompts[turn % len(prompts)]][:COLD] if reads else prompts[0][:DEPTH]
    if not reads:
        engine.prefill(prompt, CancelToken(), Usage())
    cancel, cancelled = CancelToken(), list[float]()

    def call_off() -> None:
        cancelled.append(time.perf_counter())
        cancel.cancel()

    timer = threading.Timer(random.Random(turn).uniform(0.02, 0.2), call_off)
    timer.start()
    try:
        for _ in engine.generate(prompt, decoding, cancel, Usage()):
            pass
    except Cancelled:
        return 1e3 * (time.perf_counter() - cancelled[0])
    finally:
        timer.cancel()
    return None
