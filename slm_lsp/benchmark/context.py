"""What the context costs: a key in a long file, and the index of a made-up workspace of any size."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slm_lsp.context.buffers import Buffers
from slm_lsp.context.index import Index
from slm_lsp.context.indexer import Indexer
from slm_lsp.context.words import words
from slm_lsp.text.document import Change, Document, Span

LINES, KEYS, WARM_UP = 20_000, 200, 20
"""Lines of the long file, keys typed in it, and keys before those that count."""

QUERIES = 200
"""Questions to the index, each for a name and for words like those of one file."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Milliseconds of one key, p50 and p95: on the event loop, and until the tree has followed."""

    loop: tuple[float, float]
    tree: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index of a number of files: seconds of CPU, bytes on disk, and a query's ms at p50 and p95."""

    files: int
    source_bytes: int
    definitions: int
    cpu: float
    size: int
    query: tuple[float, float]


def keys() -> Keys:
    """Type a name at the end of a line in the middle of a file of `LINES` lines."""
    text = "".join(_function(random.Random(0), index) for index in range(LINES // 6))
    document = Document("file:///long.py", "python", 1, text)
    buffers = Buffers()
    try:
        buffers.open(document.snapshot())
        buffers.settle()
        loop, tree = [], []
        for count in range(KEYS + WARM_UP):
            line, column = LINES // 12 * 6 + 1, 1000  # the end of a function's first line
            started = time.perf_counter()
            edits = document.apply([Change("x", Span(line, column, line, column))], count + 2)
            buffers.edit(document.snapshot(), edits)
            told = time.perf_counter()
            buffers.settle()
            loop.append((told - started) * 1e3)
            tree.append((time.perf_counter() - started) * 1e3)
        return Keys(_spread(loop[WARM_UP:]), _spread(tree[WARM_UP:]))
    finally:
        buffers.shut_down()


def indexed(folder: Path, files: int) -> Indexed:
    """Make a workspace of so many files in a folder, index it, and ask it."""
    root = folder / "workspace"
    size = sum(map(len, _made(root, files)))
    file = folder / "index.sqlite"
    index = Index(file, root)
    indexer = Indexer(index, folder / "index.lock", watched=True)
    started = time.process_time()
    indexer.start()
    indexer.wait()
    cpu = time.process_time() - started
    try:
        rng, spent = random.Random(1), []
        for _ in range(QUERIES):
            at = rng.randrange(files * 30)
            asked = words(_function(random.Random(at), at))
            begun = time.perf_counter()
            index.definitions([f"load_{at}", f"Order{at // 30}"], ("python",))
            index.similar(dict.fromkeys(asked, 1.0), ("python",))
            spent.append((time.perf_counter() - begun) * 1e3)
        on_disk = sum(one.stat().st_size for one in folder.glob("index.sqlite*"))
        return Indexed(files, size, index.counts()[1], cpu, on_disk, _spread(spent))
    finally:
        indexer.close()


def growth(costs: Sequence[tuple[int, float]]) -> float:
    """Return the power of the number of files with which a cost grows: the slope between logarithms."""
    sizes, seconds = np.log(np.array(costs, dtype=float)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def _made(root: Path, files: int) -> Iterator[str]:
    for number in range(files):
        folder = root / f"part{number // 1000}" / f"group{number // 50 % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        rng = random.Random(number)
        text = f"import os\n\n\nclass Order{number}:\n    size: int = 0\n\n\n"
        text += "".join(_function(rng, number * 30 + index) for index in range(30))
        (folder / f"module{number}.py").write_text(text, "utf-8")
        yield text


# fmt: off
_WORDS = (
    "account", "buffer", "cache", "client", "column", "config", "count", "cursor", "entry", "event", "field",
    "filter", "format", "group", "handle", "header", "index", "item", "label", "limit", "line", "message",
    "model", "name", "node", "offset", "option", "order", "owner", "page", "parent", "path", "place", "query",
    "queue", "record", "report", "request", "result", "row", "schema", "score", "server", "session", "source",
    "state", "status", "stream", "table", "target", "task", "text", "token", "total", "user", "value",
)
# fmt: on


def _function(rng: random.Random, number: int) -> str:
    """Return six lines of code whose names are drawn from a few words, and one name of its own."""
    one, two, three = ("_".join(rng.sample(_WORDS, 2)) for _ in range(3))
    return (
        f"def load_{number}({one}, {two}):\n    {three} = {one}.get_{two}()\n"
        f"    if {three} is None:\n        return read_{number % 997}({two})\n    return {three}\n\n"
    )


def _spread(values: list[float]) -> tuple[float, float]:
    return float(np.percentile(values, 50)), float(np.percentile(values, 95))
