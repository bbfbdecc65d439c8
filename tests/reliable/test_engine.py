"""The model fails, hangs, goes away or takes too much memory: what the user sees, and that it goes on."""

import asyncio
from collections.abc import Iterator
from itertools import islice

import pytest

from slm_lsp.completion import memory, scheduler, warm, worker
from slm_lsp.errors import ModelInvalid, ModelNotFound
from tests.lsp.harness import Session
from tests.reliable.conftest import Tried
from tests.reliable.scripted import LINE, ScriptedBackend

TEXT = "total = "


@pytest.fixture(autouse=True)
def _ended(backend: ScriptedBackend) -> Iterator[None]:
    yield
    backend.gate.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's thread is looked at often; a model that could not be loaded is tried again at once."""
    monkeypatch.setattr(worker, "TICK", 0.005)
    monkeypatch.setattr(worker, "STILL", 10**6)
    monkeypatch.setattr(worker, "BUSY", worker.ASLEEP)
    monkeypatch.setattr(warm, "RETRY", 0.0)


async def suggested(client: Session) -> str | None:
    """Ask as a user who presses the key for it; returns what is suggested."""
    items = (await client.inline(0, len(TEXT)).result())["items"]
    return items[0]["insertText"] if items else None


async def reason(client: Session) -> str:
    why = await client.why()
    assert why
    said: str = why["reason"]
    return said


async def test_an_engine_that_raises(client: Session, backend: ScriptedBackend, tried: Tried) -> None:
    await client.ready()
    client.open(TEXT)
    failures = (RuntimeError("a kernel failed"), MemoryError(), OSError(5, "Input/output error"))
    for failure in failures:

        def fail(failure: Exception = failure) -> None:
            raise failure

        backend.before = fail
        assert await suggested(client) is None
        assert await reason(client) == "the model failed; see the log"
        backend.before = lambda: None
        assert await suggested(client) == LINE
    tried("the engine raises", len(failures), "no suggestion, with a reason; the next request works")


@pytest.mark.usefixtures("impatient")
async def test_an_engine_that_hangs_is_given_up_and_loaded_again(
    client: Session, backend: ScriptedBackend, tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.ready()
    client.open(TEXT)
    for times in range(1, warm.RESTARTS + 1):
        backend.before = backend.hang
        monkeypatch.setattr(worker, "STILL", 10)
        assert await client.inline(0, len(TEXT)).result() == {"items": []}
        monkeypatch.setattr(worker, "STILL", 10**6)  # a busy machine is not to count as hung from here on
        assert await reason(client) == "the model hung; it is being loaded again"
        backend.before = lambda: None
        warning = client.of("window/showMessage")[-1]
        assert warning["type"] == 2
        assert warning["message"].endswith(f"hung and is loaded again ({times} of {warm.RESTARTS} times)")
        async with asyncio.timeout(20):
            while (await client.status())["state"] != "ready":  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert await suggested(client) == LINE
    backend.before = backend.hang
    monkeypatch.setattr(worker, "STILL", 10)
    assert await client.inline(0, len(TEXT)).result() == {"items": []}
    backend.before = lambda: None
    status = await client.status()
    assert status["state"] == "failed"
    assert "is given up; choose another model" in status["message"]
    assert await suggested(client) is None
    assert await reason(client) == "the model could not be loaded; run `slm-lsp doctor`"
    assert len(backend.engines) == 1 + warm.RESTARTS
    # The threads come back: what they held is let go.
    backend.gate.set()
    async with asyncio.timeout(20):
        while not all(engine.closed for engine in backend.engines):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    tried(
        "the engine hangs",
        1 + warm.RESTARTS,
        f"a message; loaded again, at most {warm.RESTARTS} times; works",
    )


@pytest.mark.usefixtures("impatient")
async def test_a_model_file_that_is_gone_or_cut_short(
    client: Session, backend: ScriptedBackend, tried: Tried
) -> None:
    """A model that serves is in memory; its files matter when it is loaded again."""
    await client.ready(initializationOptions={"model": "first"})
    client.open(TEXT)
    failures = (
        ModelNotFound("it is not on disk; run `slm-lsp models pull`."),
        ModelInvalid("it is cut off; run `slm-lsp models pull`."),
    )
    for number, failure in enumerate(failures):
        backend.failure = failure
        settings = {"slm-lsp": {"model": f"other {number}"}}
        client.notify("workspace/didChangeConfiguration", {"settings": settings})
        await client.until(lambda: str(failure) in str(client.of("window/showMessage")))  # noqa: B023
        for _ in range(5):
            assert await suggested(client) is None
        assert await reason(client) == "the model could not be loaded; run `slm-lsp doctor`"
        backend.failure = None
        async with asyncio.timeout(20):
            while await suggested(client) != LINE:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert len(client.of("window/showMessage")) == len(failures)
    tried("the model's file is gone or cut short", 2, "one message with what to do; served once it is mended")


async def test_memory_short(
    client: Session, backend: ScriptedBackend, tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = 900_000_000
    monkeypatch.setattr(memory, "resident", lambda: held)
    await client.ready(initializationOptions={"memoryLimit": 1000})
    client.open(TEXT)
    assert await suggested(client) == LINE
    (engine,) = backend.engines
    assert engine.shrunk == 0

    def shrunk() -> None:
        nonlocal held
        held = 900_000_000

    held = 1_100_000_000
    monkeypatch.setattr(memory, "give_back", shrunk)
    assert await suggested(client) == LINE
    assert engine.shrunk == 1

    # Within seconds of that it would bring nothing to try again.
    held = 1_100_000_000
    assert await suggested(client) is None
    assert await reason(client) == "the server holds more memory than `memoryLimit` allows"
    assert (await client.status())["counters"]["reasons"] == {"memory": 1}
    assert engine.shrunk == 1
    monkeypatch.setattr(memory, "PAUSE", 0.0)
    assert await suggested(client) == LINE
    assert engine.shrunk == 2
    tried("memory is short (`memoryLimit`)", 3, "caches are emptied, then requests refused with the reason")


async def test_a_flood_of_requests_from_many_documents(
    client: Session, backend: ScriptedBackend, tried: Tried
) -> None:
    await client.ready()
    count = 3 * scheduler.MOST_WAITING
    uris = [f"file:///project/{number}.py" for number in range(count)]
    for uri in uris:
        client.open(TEXT, uri)
    backend.before = backend.hang
    answers = [asyncio.create_task(client.inline(0, len(TEXT), uri).result()) for uri in uris]
    # All but those that wait, and what the engine stands still in, are answered although it does nothing.
    for answer in islice(asyncio.as_completed(answers), count - scheduler.MOST_WAITING - 1):
        assert await answer == {"items": []}
    assert (await client.status())["counters"]["reasons"].keys() == {"flood"}
    backend.before = lambda: None
    backend.gate.set()
    assert (await answers[-1])["items"][0]["insertText"] == LINE
    assert sum(bool(answer["items"]) for answer in await asyncio.gather(*answers)) > scheduler.MOST_WAITING
    tried(
        "requests from many documents at once",
        count,
        f"{scheduler.MOST_WAITING} wait, older ones are answered with a reason; the last one works",
    )
