"""One engine, many wishes."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.scheduler import Scheduler

PATIENCE = 20.0


class Bench:
    """A scheduler with an engine that is busy until it is let go."""

    def __init__(self) -> None:
        self.worker = ThreadPoolExecutor(1)
        self.scheduler = Scheduler(self.worker)
        self.gate = threading.Event()
        self.ran: list[str] = []

    def busy(self, token: CancelToken) -> str:
        while not self.gate.wait(0.001) and not token.cancelled:
            pass
        return "cancelled" if token.cancelled else "done"

    def note(self, name: str, *, background: bool = False) -> "asyncio.Future[None]":
        return self.scheduler.submit(name, lambda token: self.ran.append(name), background=background).done


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.gate.set()
    made.worker.shutdown()


async def test_the_focused_document_comes_first_and_idle_work_last(bench: Bench) -> None:
    first = bench.scheduler.submit("x", bench.busy)
    bench.scheduler.focus = "c"
    jobs = [bench.note(name) for name in "abc"]
    idle = bench.note("idle", background=True)
    bench.gate.set()
    async with asyncio.timeout(PATIENCE):
        assert await first.done == "done"
        await asyncio.gather(*jobs, idle)
    assert bench.ran == ["c", "a", "b", "idle"]


async def test_idle_work_gives_way(bench: Bench) -> None:
    idle = bench.scheduler.submit("x", bench.busy, background=True)
    waiting = bench.note("later", background=True)
    job = bench.note("a")
    async with asyncio.timeout(PATIENCE):
        assert await idle.done == "cancelled"
        await job
    assert waiting.cancelled()
    assert bench.ran == ["a"]
    await asyncio.sleep(0)
    assert bench.scheduler.idle


async def test_a_job_that_was_called_off_never_begins(bench: Bench) -> None:
    first = bench.scheduler.submit("x", bench.busy)
    job = bench.scheduler.submit("y", lambda token: bench.ran.append("y"))
    bench.scheduler.cancel(job)
    bench.gate.set()
    async with asyncio.timeout(PATIENCE):
        await first.done
    assert job.done.cancelled()
    assert bench.ran == []
