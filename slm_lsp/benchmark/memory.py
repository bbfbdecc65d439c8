"""What remembering costs: sorting a workspace of any size, keeping it, and asking it at every token."""

import random
import statistics
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding
from slm_lsp.engine.outlook import Outlook, Writing
from slm_lsp.memory import disk
from slm_lsp.memory.kernels.plan import WINDOW
from slm_lsp.memory.lookup import Source
from slm_lsp.memory.recall import Recall
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import Weights

FILE, PIECE = 5000, 32
"""Tokens of a made-up file, and of the pieces of real code that it is made of."""

QUERIES = 2000
"""Places that are asked about."""

PAST = 4000
"""Tokens of the file that is being typed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds to sort, and to read what is on disk; megabytes on disk, and more in memory after queries.

    `query` and `step` are medians and 95th percentiles in microseconds: of looking up, and of that with
    mixing and choosing, above choosing without memory.
    """

    build: float
    load: float
    disk: float
    resident: float
    query: tuple[float, float]
    step: tuple[float, float]


def library() -> Iterator[str]:
    """Yield the texts of Python's own library, without its tests, in a fixed order."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if not {"test", "tests", "site-packages", "dist-packages"}.intersection(path.parts):
            yield path.read_text("utf-8", errors="replace")


def cost(folder: Path, real: Sequence[int], size: int, vocabulary: int) -> Cost:
    """Measure a memory of `size` tokens, made up of pieces of `real` code, which may have fewer."""
    rng = random.Random(0)
    made = dict(_files(real, size, rng))
    started = time.perf_counter()
    segment = Segment.build(made, vocabulary)
    build = time.perf_counter() - started
    disk.save(folder / "bench.memory", segment, {}, "", [])
    megabytes = segment.nbytes / 1e6
    del segment, made
    resident, started = psutil.Process().memory_info().rss, time.perf_counter()
    found = disk.load(folder / "bench.memory", "")
    load = time.perf_counter() - started
    assert found
    query, step = _asked(found[0], real, rng, vocabulary)
    more = (psutil.Process().memory_info().rss - resident) / 1e6
    return Cost(build, load, megabytes, more, query, step)


def _files(real: Sequence[int], size: int, rng: random.Random) -> Iterator[tuple[str, NDArray[np.uint32]]]:
    """Yield files of the tokens of real code, as it is and then in pieces that were shuffled."""
    tokens = np.asarray(real, np.uint32)
    for number in range(-(-size // FILE)):
        start, length = number * FILE, min(FILE, size - number * FILE)
        if start + length <= len(tokens):
            yield f"{number}.py", tokens[start : start + length]
            continue
        starts = np.array([rng.randrange(len(tokens) - PIECE) for _ in range(-(-length // PIECE))])
        yield f"{number}.py", tokens[starts[:, None] + np.arange(PIECE)].ravel()[:length]


def _asked(
    segment: Segment, real: Sequence[int], rng: random.Random, vocabulary: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    own = Segment.build({"own": real[-PAST:]}, vocabulary)
    workspace = Source(segment, np.ones(len(segment.names)))
    weights = Weights.for_language("python")
    logits = np.random.default_rng(0).normal(0, 3, vocabulary).astype(np.float32)
    total = float(np.log(np.exp(logits.astype(np.float64)).sum()))
    outlook = Outlook(logits, int(logits.argmax()), total, 2.0)
    queries: list[float] = []
    steps: list[float] = []
    plain: list[float] = []
    for _ in range(QUERIES):
        # Each at a place of its own: what one has read is not in the processor's cache for the other.
        first, second = (
            Recall(real[at - WINDOW : at], [workspace], [Source(own, np.ones(1))], weights, vocabulary)
            for at in (rng.randrange(WINDOW, len(real)) for _ in range(2))
        )
        with_, without = Writing(Decoding(1, memory=first)), Writing(Decoding(1))
        times = [time.perf_counter()]
        outlook.likeliest(with_, 1)
        times.append(time.perf_counter())
        second.recalled([])
        times.append(time.perf_counter())
        outlook.likeliest(without, 1)
        times.append(time.perf_counter())
        for kept, (before, after) in zip((steps, queries, plain), pairwise(times), strict=True):
            kept.append(1e6 * (after - before))
    usual = statistics.median(plain)
    return _spread(queries), _spread([step - usual for step in steps])


def _spread(values: Sequence[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(values, (50, 95)).tolist()
    return p50, p95
