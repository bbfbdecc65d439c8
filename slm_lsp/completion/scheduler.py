"""One engine, many wishes: which job the engine's thread does next.

The event loop alone touches a scheduler; the jobs' work runs on the engine's thread, one at a time.
"""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.request import Reason

MOST_WAITING = 100
"""Jobs that wait for the engine; of more, the oldest are given up: nobody looks at so many."""

T = TypeVar("T")


class Job(Generic[T]):
    """A piece of work for the engine; `done` has its result, or is cancelled if it was never begun.

    `lost` says why `done` was cancelled, if it was not for something newer.
    """

    def __init__(self, uri: str, work: Callable[[CancelToken], T], number: int, background: bool) -> None:
        self.uri, self.work, self.number, self.background = uri, work, number, background
        self.token = CancelToken()
        self.begun = False
        self.lost: Reason | None = None
        self.done: asyncio.Future[T] = asyncio.get_running_loop().create_future()


class Scheduler:
    """Gives the engine its jobs: the focused document's first, the others in turn, idle work last.

    Work must not raise. Idle work, which is done ahead of need, is called off as soon as there is any other.
    `on_begin` is told whenever a job begins.
    """

    def __init__(self, worker: Executor) -> None:
        self._worker = worker
        self._waiting: list[Job[object]] = []
        self._running: Job[object] | None = None
        self._numbers = itertools.count()
        self.focus = ""
        self.on_begin: Callable[[], None] = lambda: None

    def submit(self, uri: str, work: Callable[[CancelToken], T], *, background: bool = False) -> Job[T]:
        """Add a job; it begins at once if the engine is free."""
        job = Job(uri, work, next(self._numbers), background)
        self._waiting.append(job)  # type: ignore[arg-type]  # results go where they came from
        if not background:
            self.drop_background()
            self._drop_flood()
        self._begin()
        return job

    def cancel(self, job: Job[T]) -> None:
        """Call a job off: the engine stops before its next token, or never begins."""
        job.token.cancel()
        if not job.begun and job in self._waiting:
            self._waiting.remove(job)  # type: ignore[arg-type]
            job.done.cancel()

    def drop_background(self) -> None:
        """Call off all idle work."""
        for job in [*self._waiting, *([self._running] if self._running else [])]:
            if job.background:
                self.cancel(job)

    def give_up(self, reason: Reason) -> None:
        """Lose all jobs, the running one too: the engine does not come back from it."""
        lost, self._running = [*self._waiting, *([self._running] if self._running else [])], None
        self._waiting.clear()
        for job in lost:
            job.token.cancel()
            _lose(job, reason)

    @property
    def running(self) -> Job[object] | None:
        """What the engine is doing."""
        return self._running

    @property
    def idle(self) -> bool:
        """Whether the engine has nothing to do."""
        return self._running is None and not self._waiting

    def _drop_flood(self) -> None:
        waiting = [job for job in self._waiting if job.uri != self.focus]
        for job in waiting[: max(0, len(self._waiting) - MOST_WAITING)]:
            self._waiting.remove(job)
            _lose(job, Reason.FLOOD)

    def _begin(self) -> None:
        if self._running or not self._waiting:
            return
        job = min(self._waiting, key=lambda job: (job.background, job.uri != self.focus, job.number))
        self._waiting.remove(job)
        self._running, job.begun = job, True
        self.on_begin()
        result = asyncio.get_running_loop().run_in_executor(self._worker, job.work, job.token)
        result.add_done_callback(lambda done: self._end(job, done))

    def _end(self, job: Job[object], result: "asyncio.Future[object]") -> None:
        if self._running is not job:
            return  # it was given up
        self._running = None
        if not job.done.done():
            if result.cancelled() or result.exception():
                job.done.cancel()
            else:
                job.done.set_result(result.result())
        self._begin()


def _lose(job: Job[object], reason: Reason) -> None:
    job.lost = reason
    job.done.cancel()
