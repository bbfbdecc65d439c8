"""The thread that owns the engine, and what is done if it never comes back."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from slm_lsp.completion.scheduler import Scheduler

P = ParamSpec("P")
T = TypeVar("T")

TICK = 1.0
"""Seconds between two looks at the engine's thread while it works."""

STILL = 60
"""Looks at which the work has not come further, from which on the thread counts as hung.

Looks are counted and not seconds: a machine that slept, or was stopped, has not hung.
"""

ASLEEP, BUSY = 0.02, 0.5
"""Processors that the process uses at most if its thread waits for what never comes, and at least if it goes
round in circles. In between it works, and other processes leave it little."""


class Worker(Executor):
    """One thread, which can be given up for another: Python can't end a thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="slm-engine")

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function on the thread, after what was submitted before."""
        return self._pool.submit(fn, *args, **kwargs)

    def replace(self, last: Callable[[], Any]) -> None:
        """Go on with a new thread; the old one, should it ever come back, does `last` and ends."""
        old, self._pool = self._pool, ThreadPoolExecutor(1, thread_name_prefix="slm-engine")
        old.submit(last)
        old.shutdown(wait=False)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `concurrent.futures.Executor.shutdown`."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


class Watchdog:
    """Looks at the running job as long as there is one, and calls `hung` once it has stood still for long.

    Every engine checks its cancel token between two passes: a job that checks comes further. A look does not
    count while the machine gives the process too little time.
    """

    def __init__(self, scheduler: Scheduler, hung: Callable[[], None]) -> None:
        self._scheduler, self._hung = scheduler, hung
        self._timer: asyncio.TimerHandle | None = None
        self._seen: tuple[int, int] | None = None
        self._still = 0
        self._looked = (0.0, 0.0)
        scheduler.on_begin = self._wake

    def close(self) -> None:
        """Look no more."""
        if self._timer:
            self._timer.cancel()

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._look)

    def _look(self) -> None:
        self._timer = None
        job = self._scheduler.running
        if job is None:
            return
        now, counts = (job.number, job.token.checks), not ASLEEP < self._used() < BUSY
        self._still = self._still + counts if now == self._seen else 0
        self._seen = now
        if self._still >= STILL:
            self._still = 0
            self._hung()
        else:
            self._wake()

    def _used(self) -> float:
        """Return how many processors this process used since the last look."""
        (wall, cpu), self._looked = self._looked, (time.monotonic(), time.process_time())
        return (self._looked[1] - cpu) / max(self._looked[0] - wall, 1e-6)
