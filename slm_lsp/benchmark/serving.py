"""What the server costs: memory after many requests, the processor while idle, and its start."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil

from slm_lsp.benchmark.client import Client
from slm_lsp.benchmark.keys import Script, script
from slm_lsp.benchmark.prompts import sources
from slm_lsp.benchmark.race import Figures
from slm_lsp.benchmark.typists import Editor
from slm_lsp.config import Settings
from slm_lsp.errors import SlmLspError

LINES = 5
"""Lines that are typed in a file, in different places, before it is another file's turn."""

SETTLING, IDLE = 3.0, 5.0
"""Seconds after the last request until the processor is looked at, and for how long."""


async def served(settings: Settings, requests: int, pressed: Callable[[], None]) -> Figures:
    """Type into real files through a server and wait for every answer; return what it takes thereafter.

    ``resident_mb`` after so many requests, and ``idle_cpu`` in ms of the processor for each second.

    Raises:
        SlmLspError: the server could not load its model.
    """
    client = await Client.start(
        {"model": settings.model, "adapter": settings.adapter, "threads": settings.threads}
    )
    try:
        process, left = psutil.Process(client.pid), requests
        for one in _scripts():
            editor = Editor(client)
            await editor.open(one)
            for index, key in enumerate(one.keys[:left]):
                editor.press(index, key, lambda _index, _text: None)
                await editor.settle()
                pressed()
            left -= len(one.keys[:left])
            if not left:
                break
        resident = process.memory_info().rss
        await asyncio.sleep(SETTLING)
        before = process.cpu_times()
        await asyncio.sleep(IDLE)
        after = process.cpu_times()
    finally:
        await client.stop()
    spent = after.user + after.system - before.user - before.system
    return {"resident_mb": resident / 1e6, "idle_cpu": 1e3 * spent / IDLE}


def start_ms(settings: Settings) -> float:
    """Return the ms from the start of a process to its first completion, warm; the best of three.

    Raises:
        SlmLspError: there is no completion.
    """
    place = f"{next(sources())}:1"
    command = [sys.executable, "-m", "slm_lsp", "complete", place]
    command += ["--model", settings.model, "--adapter", settings.adapter]

    def once() -> float:
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SlmLspError(f"`slm-lsp complete` failed: {done.stderr.strip().splitlines()[-1]}")
        return 1e3 * (time.perf_counter() - started)

    return min(once() for _ in range(3))


def _scripts() -> Iterator[Script]:
    """Yield what is typed, without end: other lines of the same files in every round."""
    seed = 0
    while True:
        for path in sources():
            # Where Python is installed, files may be left out for what surrounds them.
            yield replace(script(path, LINES, seed), path=Path(tempfile.gettempdir(), path.name))
        seed += 1
