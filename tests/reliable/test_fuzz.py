"""Whatever comes in, the next request is answered, every request once, and nothing is raised."""

import asyncio
import logging
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.lsp.fakes import FakeBackend
from tests.reliable.conftest import Tried
from tests.reliable.fuzzing import Input, Target, owed, sessions

EACH = 50
"""Inputs that one server takes."""


class Raised(logging.Handler):
    """Keeps what was logged as an error: an exception that nobody expected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


async def sent(some: list[Input]) -> None:
    raised = Raised()
    logging.getLogger().addHandler(raised)
    target = Target(FakeBackend())
    try:
        await target.take(some)
        must = owed(some)
        if must is not None:
            # Some wait for the model's thread.
            async with asyncio.timeout(20):
                while any(target.replies[one] < count for one, count in must.items()):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert {one: target.replies[one] for one in must} == dict(must)
    finally:
        await target.leave()
        logging.getLogger().removeHandler(raised)
    assert [(one.getMessage(), one.exc_info) for one in raised.records] == []


def fuzz(count: int) -> None:
    @settings(
        max_examples=count // EACH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(sessions(EACH))
    def run(some: list[Input]) -> None:
        asyncio.run(sent(some))

    run()


def test_five_thousand_inputs(tried: Tried) -> None:
    fuzz(5_000)
    tried("inputs of the fuzzer", 5000, "an error, or ignored; the next request is answered")


@pytest.mark.long
def test_a_hundred_thousand_inputs(tried: Tried) -> None:
    # Whatever makes so many servers in one process becomes slower and slower.
    with ProcessPoolExecutor(2, get_context("spawn"), max_tasks_per_child=1) as pool:
        for done in [pool.submit(fuzz, 5_000) for _ in range(20)]:
            done.result()
    tried("inputs of the fuzzer", 100_000, "an error, or ignored; the next request is answered")
