"""How long after a key its suggestion is there, with real lines typed into real files."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil

from slm_lsp.benchmark.client import Client
from slm_lsp.benchmark.keys import FULL_SPEED, Script
from slm_lsp.benchmark.typists import Typist

INSTANT_MS = 5.0
"""What is answered within this came without the model: from a cache, or because nothing was to be asked."""


@dataclass(slots=True)
class Played:
    """What happened: for each key the ms until the first answer that fits it or a later one, and whether that
    answer is a suggestion."""

    waits: list[tuple[float, bool]] = field(default_factory=list)
    shown: int = 0
    cpu_seconds: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Played") -> None:
        """Add what happened with another script."""
        self.waits += other.waits
        self.shown += other.shown
        self.cpu_seconds += other.cpu_seconds
        for name, count in other.counters.items():
            self.counters[name] = self.counters.get(name, 0) + count

    def summary(self) -> dict[str, float]:
        """Return the figures of a row: waits in ms, shares, and costs per key."""
        keys = max(1, len(self.waits))
        waits = np.array([wait for wait, _ in self.waits])
        made = [wait for wait, suggests in self.waits if suggests and wait > INSTANT_MS] or [0.0]
        return {
            "keys": len(self.waits),
            "p50_ms": float(np.percentile(waits, 50)),
            "p95_ms": float(np.percentile(waits, 95)),
            "made_p50_ms": float(np.percentile(made, 50)),
            "made_p95_ms": float(np.percentile(made, 95)),
            "instant": float((waits <= INSTANT_MS).mean()),
            "shown": self.shown / keys,
            "cpu_seconds_per_100_keys": 100 * self.cpu_seconds / keys,
            **{f"{name}_per_key": count / keys for name, count in self.counters.items()},
        }


async def play(
    typist: Typist, script: Script, process: psutil.Process, *, fast: bool, pressed: Callable[[], None]
) -> Played:
    """Type a script, at a person's pace or at full speed; `pressed` is called after each key."""
    played = Played()
    times: list[float] = []
    waits: list[tuple[float, bool] | None] = []

    def answered(index: int, text: str | None) -> None:
        now = time.perf_counter()
        played.shown += bool(text)
        for at in range(index, -1, -1):
            if waits[at] is not None:
                break
            waits[at] = (now - times[at]) * 1e3, bool(text)

    await typist.open(script)
    # As in an editor, nobody types before the file has been seen.
    await asyncio.sleep(1.0)
    before = _cpu(process)
    for index, key in enumerate(script.keys):
        if key.placed:
            typist.place(key)
        await asyncio.sleep(FULL_SPEED if fast else key.pause)
        times.append(time.perf_counter())
        waits.append(None)
        typist.press(index, key, answered)
        pressed()
    await typist.settle()
    played.cpu_seconds = _cpu(process) - before
    played.waits = [wait for wait in waits if wait is not None]
    return played


async def ours(
    client: Client, typist: Typist, script: Script, *, fast: bool, pressed: Callable[[], None]
) -> Played:
    """Type with our server, and count the tokens that it took."""
    before = await _counted(client)
    played = await play(typist, script, psutil.Process(client.pid), fast=fast, pressed=pressed)
    after = await _counted(client)
    played.counters = {name: after[name] - before[name] for name in after}
    return played


def listener(port: int) -> psutil.Process | None:
    """Return the process that listens on a port of this machine."""
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN and connection.pid
        if listens and getattr(connection.laddr, "port", None) == port:
            return psutil.Process(connection.pid)
    return None


def ratios(ours: dict[str, float], peer: dict[str, float], names: Sequence[str]) -> dict[str, float]:
    """Return our figures as parts of the peer's."""
    return {name: ours[name] / peer[name] for name in names if peer[name] > 0}


async def _counted(client: Client) -> dict[str, int]:
    counters: dict[str, Any] = (await client.command("slm-lsp.status"))["counters"]
    return {name: counters[name] for name in ("prefilled", "ahead", "decoded")}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
