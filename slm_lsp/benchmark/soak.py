"""Typing for a long time, faster than anybody does: does the server stay as it was?

Files are opened, typed into in bursts and closed, one after the other, through one real server with an index
of their folder; meanwhile its process is looked at from outside.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from slm_lsp.benchmark.client import Client, Json
from slm_lsp.benchmark.replay import FAST, Replay
from slm_lsp.context.grammars import LANGUAGES
from slm_lsp.context.languages import language_id
from slm_lsp.context.sources import read
from slm_lsp.context.walk import Tree
from slm_lsp.errors import SlmLspError, UsageError
from slm_lsp.paths import STATE_VARIABLE

KEYS, REST = 60, 0.05
"""Keys typed in a file before the next one's turn, and seconds between two bursts of keys."""

WARM_UP, WARM_UP_SHARE = 600.0, 1 / 3
"""Seconds until the caches are full, or this share of a short run."""

ALLOWED = 0.05
"""Growth of the resident size after the warm-up that is no growth."""

SPARE = 3
"""Threads, files and tasks by which the medians may differ: it is not always the same that is running."""

FILLING = 12_000
"""Tokens that are read before the clock starts: more than the embedded model's key/value cache holds, whose
memory is taken as it fills."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The server's process at one moment; `waits` are the ms of the requests answered since the last."""

    seconds: float
    megabytes: float
    threads: int
    files: int
    tasks: int
    waits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The medians of some samples, and the 50th and 95th percentile of the waits in them."""

    until: float
    megabytes: float
    threads: float
    files: float
    tasks: float
    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Stretch":
        """Sum up samples, at least one."""
        waits = [wait for one in samples for wait in one.waits] or [0.0]
        return cls(
            samples[-1].seconds,
            median(one.megabytes for one in samples),
            median(one.threads for one in samples),
            median(one.files for one in samples),
            median(one.tasks for one in samples),
            float(np.percentile(waits, 50)),
            float(np.percentile(waits, 95)),
        )


@dataclass(slots=True)
class Soaked:
    """What a run came to; `warm` is the second at which the warm-up ended."""

    warm: float
    keys: int = 0
    typed: int = 0
    cpu_seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    def stretches(self, count: int = 5) -> list[Stretch]:
        """Return the warm-up, and what came after it in `count` parts."""
        before = [one for one in self.samples if one.seconds <= self.warm]
        after = self.samples[len(before) :]
        size = max(1, len(after) // count)
        parts = [after[at : at + size] for at in range(0, size * count, size)]
        parts[-1] += after[size * count :]
        return [Stretch.of(part) for part in (before, *parts) if part]

    def growth(self) -> float:
        """Return by how much of itself the resident size grew between the first and the last stretch."""
        _, first, *_, last = self.stretches()
        return last.megabytes / first.megabytes - 1

    def complaints(self) -> list[str]:
        """Return a sentence for each thing that grew."""
        _, first, *_, last = self.stretches()
        found = []
        if self.growth() > ALLOWED:
            found.append(f"the resident size grew by {self.growth():.1%}, and {ALLOWED:.0%} is allowed")
        for name in ("threads", "files", "tasks"):
            before, after = getattr(first, name), getattr(last, name)
            if after > before + SPARE:
                found.append(f"there were {before:.0f} {name} after the warm-up and {after:.0f} at the end")
        return found


def sources(paths: Sequence[Path]) -> list[Path]:
    """Return the files to type: those named, and those in languages with a grammar below the folders named.

    Raises:
        UsageError: there are none.
    """
    found = list[Path]()
    for path in paths:
        inside = Tree(path).files() if path.is_dir() else iter((path,))
        found += [one.absolute() for one in inside if language_id(one) in LANGUAGES and _typable(one)]
    if not found:
        raise UsageError("There is no source file in what was named; name a folder with code in it.")
    return found


def _typable(path: Path) -> bool:
    try:
        return read(path) is not None and path.read_text(encoding="utf-8").count("\n") > 1
    except (OSError, UnicodeDecodeError):
        return False


async def soak(
    paths: Sequence[Path], settings: Json, minutes: float, seed: int, looked: Callable[[Sample], None]
) -> Soaked:
    """Type files for some minutes; `looked` is told of each look at the server, 60 and more in all.

    Raises:
        UsageError: there is nothing to type.
        SlmLspError: the server could not load its model, or ended.
    """
    files, length = sources(paths), 60 * minutes
    soaked = Soaked(min(WARM_UP, WARM_UP_SHARE * length))
    root = (paths[0] if paths[0].is_dir() else paths[0].parent).absolute().as_uri()
    with tempfile.TemporaryDirectory() as state:
        client = await Client.start(settings, root=root, environment={STATE_VARIABLE: state})
        try:
            turns, process, waits = _endless(files, seed), psutil.Process(client.pid), list[float]()
            await _fill(client, islice(turns, len(files)))
            typing = asyncio.ensure_future(_type(client, turns, soaked, waits))
            before, started = _cpu(process), time.monotonic()
            while (seconds := time.monotonic() - started) < length:
                await asyncio.wait({typing}, timeout=min(length / 60, 10.0))
                if typing.done():
                    typing.result()
                soaked.samples.append(sample := await _look(client, process, seconds, waits))
                looked(sample)
            soaked.cpu_seconds = _cpu(process) - before
            typing.cancel()
            await asyncio.wait({typing})
        finally:
            await client.stop()
    return soaked


def _endless(files: Sequence[Path], seed: int) -> Iterator[tuple[Path, int]]:
    """Yield files and seeds, each file once before any comes again."""
    rng = random.Random(seed)
    while True:
        for path in rng.sample(files, len(files)):
            yield path, rng.randrange(2**32)


async def _fill(client: Client, turns: Iterator[tuple[Path, int]]) -> None:
    """Ask for a completion at the end of one file after the other, until enough tokens were read."""
    for path, _ in turns:
        uri, text = path.as_uri(), path.read_text(encoding="utf-8")
        document = {"uri": uri, "languageId": language_id(path), "version": 0, "text": text}
        client.notify("textDocument/didOpen", {"textDocument": document})
        position = {"line": text.count("\n"), "character": 0}
        await client.request(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": uri}, "position": position, "context": {"triggerKind": 1}},
        )
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        if (await client.command("slm-lsp.status"))["counters"]["prefilled"] > FILLING:
            return


async def _type(
    client: Client, turns: Iterator[tuple[Path, int]], soaked: Soaked, waits: list[float]
) -> None:
    for path, seed in turns:
        lines = path.read_text(encoding="utf-8").count("\n")
        first = random.Random(seed).randrange(max(1, lines))
        replay = Replay(client, path, KEYS, seed, first, lines, pauses=(FAST,), rest=REST)
        replay.found.waits = waits  # to be seen while it types
        found = await replay.run()
        soaked.keys += found.keys
        soaked.typed += 1
        await asyncio.sleep(0)  # a file with nothing to type must not keep the loop


async def _look(client: Client, process: psutil.Process, seconds: float, waits: list[float]) -> Sample:
    tasks = (await client.command("slm-lsp.status"))["tasks"]
    try:
        with process.oneshot():
            taken = Sample(
                seconds,
                process.memory_info().rss / 1e6,
                process.num_threads(),
                len(process.open_files()),
                tasks,
                tuple(waits),
            )
    except psutil.Error as error:
        raise SlmLspError(f"the server's process is gone ({error}); see its log.") from error
    waits.clear()
    return taken


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
