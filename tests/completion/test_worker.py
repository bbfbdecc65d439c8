"""The watchdog: what counts as hung, and what does not."""

import threading
from collections.abc import AsyncIterator

import pytest

from slm_lsp.completion import worker
from slm_lsp.completion.request import Reason
from slm_lsp.completion.scheduler import Job, Scheduler
from slm_lsp.completion.worker import STILL, Watchdog, Worker


class Bench:
    """A job that does not end, and a watchdog that looks when it is told to."""

    def __init__(self) -> None:
        self.gate, self.hung = threading.Event(), 0
        self.worker = Worker()
        self.scheduler = Scheduler(self.worker)
        self.watchdog = Watchdog(self.scheduler, self.given_up)
        self.job: Job[bool] = self.scheduler.submit("a", lambda token: self.gate.wait())

    def given_up(self) -> None:
        self.hung += 1
        self.scheduler.give_up(Reason.HUNG)

    def look(self, times: int) -> None:
        for _ in range(times):
            self.watchdog._look()


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(worker, "TICK", 3600.0)
    monkeypatch.setattr(Watchdog, "_used", lambda self: 0.0)
    made = Bench()
    yield made
    made.watchdog.close()
    made.gate.set()
    made.worker.shutdown()


async def test_work_that_stands_still_is_given_up_once(bench: Bench) -> None:
    bench.look(STILL)
    assert bench.hung == 0
    bench.look(STILL)
    assert bench.hung == 1
    assert bench.job.done.cancelled()
    assert bench.job.lost is Reason.HUNG
    assert bench.job.token.cancelled


async def test_work_that_checks_goes_on_however_slow_it_is(bench: Bench) -> None:
    for _ in range(5 * STILL):
        bench.look(1)
        bench.job.token.check()
    assert bench.hung == 0


async def test_a_machine_that_leaves_no_time_is_no_hang(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watchdog, "_used", lambda self: 0.1)
    bench.look(5 * STILL)
    assert bench.hung == 0
    monkeypatch.setattr(Watchdog, "_used", lambda self: 0.9)
    bench.look(STILL + 1)
    assert bench.hung == 1


async def test_a_new_thread_takes_over_and_the_old_one_cleans_up_when_it_comes_back() -> None:
    made, gate, order = Worker(), threading.Event(), list[str]()
    stuck = made.submit(gate.wait)
    made.replace(lambda: order.append("cleaned up"))
    assert made.submit(lambda: "new").result(20) == "new"
    assert order == []
    gate.set()
    assert stuck.result(20)
    made.shutdown()
    for thread in threading.enumerate():
        if thread.name.startswith("slm-engine"):
            thread.join(20)
    assert order == ["cleaned up"]
