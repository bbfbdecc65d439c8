"""Two windows on one shared engine: memory, the first answer, fairness, and the death of one."""

import asyncio
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from slm_lsp.benchmark.client import Client
from slm_lsp.errors import SlmLspError

SERVE = (sys.executable, "-m", "slm_lsp", "serve", "--shared")

TEXT = (
    "def circumference(width: float, height: float) -> float:\n"
    '    """Return the circumference of a rectangle."""\n'
    "    return 2 * (width + "
)
URI = "file:///window.py"


@dataclass
class Window:
    """An editor with one document, whose every request has to be answered by the model."""

    client: Client
    version: int = 0
    waits: list[float] = field(default_factory=list)

    async def ask(self) -> float:
        """Change the document, ask at its end, and return the ms until the answer."""
        self.version += 1
        text = f"# {self.version}\n{TEXT}"
        document = {"uri": URI, "version": self.version}
        if self.version == 1:
            opened = {**document, "languageId": "python", "text": text}
            self.client.notify("textDocument/didOpen", {"textDocument": opened})
        else:
            change = [{"text": text}]
            self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": change})
        started = time.perf_counter()
        await self.client.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": URI},
                "position": {"line": 3, "character": len("    return 2 * (width + ")},
                "context": {"triggerKind": 1},
            },
        )
        self.waits.append(1e3 * (time.perf_counter() - started))
        return self.waits[-1]


async def measure(settings: dict[str, Any], seconds: float) -> dict[str, float]:
    """Start two windows, let them compete for `seconds`, and kill the first; times in ms, memory in MB.

    Raises:
        SlmLspError: a window could not start.
    """
    settings = {"ahead": False, "alternatives": 1, **settings}
    figures: dict[str, float] = {}
    first = Window(await Client.start(settings, SERVE))
    await first.ask()
    started = time.perf_counter()
    second = Window(await Client.start(settings, SERVE))
    figures["ready_ms"] = 1e3 * (time.perf_counter() - started)
    figures["first_ms"] = await second.ask()
    memory = psutil.Process(second.client.pid).memory_full_info()
    figures["resident_mb"], figures["own_mb"] = memory.rss / 1e6, memory.uss / 1e6
    figures["engine_mb"] = _engine().memory_info().rss / 1e6

    figures["alone_ms"] = statistics.median([await second.ask() for _ in range(10)])
    first.waits.clear()
    second.waits.clear()
    await asyncio.gather(*(_busy(window, seconds) for window in (first, second)))
    figures["together_ms"] = statistics.median(first.waits + second.waits)
    figures["fairness"] = min(len(first.waits), len(second.waits)) / max(len(first.waits), len(second.waits))

    dying = asyncio.ensure_future(first.ask())
    await asyncio.sleep(0.02)
    psutil.Process(first.client.pid).send_signal(signal.SIGKILL)
    figures["after_death_ms"] = await second.ask()
    await asyncio.gather(dying, return_exceptions=True)
    await first.client.ended()
    await second.client.stop()
    return figures


async def _busy(window: Window, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        await window.ask()


def _engine() -> psutil.Process:
    """Return the process that owns the engine."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[1:4] == ["-m", "slm_lsp", "engine"]:
            return process
    raise SlmLspError("the shared engine is not there; see its log.")
