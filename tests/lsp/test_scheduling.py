"""Requests that take long: what is answered meanwhile, and what ends them."""

import asyncio

import pytest

from slm_lsp.completion.request import CompletionRequest, CompletionResult
from slm_lsp.completion.service import CompletionService
from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import URI, Session

OTHER = "file:///project/b.py"


async def started(backend: FakeBackend, count: int) -> None:
    """Wait until the engine works on its `count`-th request."""
    await eventually(lambda: len(backend.requests) >= count)


async def test_the_loop_is_free_while_the_engine_works(client: Session, backend: FakeBackend) -> None:
    """Every question that needs no engine is answered before the one that does."""
    await client.ready()
    client.open("", language="slow")
    long = client.inline()
    await started(backend, 1)
    quick = [client.command("slm-lsp.status") for _ in range(20)]
    for reply in quick:
        await reply.result()
    backend.released.set()
    assert (await long.result())["items"]
    assert client.replies[-1] == long.id
    assert client.replies[-21:-1] == [reply.id for reply in quick]


async def test_the_loop_is_free_while_the_model_loads(client: Session, backend: FakeBackend) -> None:
    backend.loaded.clear()
    await client.initialize()
    client.open("")
    for _ in range(20):
        assert (await client.status())["state"] in ("idle", "loading")
        assert await client.inline().result() == {"items": []}


async def test_a_cancelled_request_is_answered_at_once_and_stops_the_engine(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready()
    client.open("", language="slow")
    long = client.inline()
    await started(backend, 1)
    client.notify("$/cancelRequest", {"id": long.id})
    assert (await long.error())["code"] == -32800
    await eventually(lambda: backend.stopped)
    why = await client.why()
    assert why
    assert why["reason"] == "the editor cancelled the request"


async def test_a_request_that_waits_for_the_engine_can_be_cancelled(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready()
    client.open("", language="slow")
    client.open("", OTHER)
    long = client.inline()
    await started(backend, 1)
    waiting = client.inline(uri=OTHER)
    client.notify("$/cancelRequest", {"id": waiting.id})
    assert (await waiting.error())["code"] == -32800
    backend.released.set()
    assert (await long.result())["items"]
    assert [request.document.uri for request in backend.requests] == [URI]


async def test_a_new_request_for_a_document_ends_the_running_one(
    client: Session, backend: FakeBackend
) -> None:
    """Neovim does not cancel on a new keystroke."""
    await client.ready()
    client.open("", language="slow")
    first = client.inline()
    await started(backend, 1)
    second = client.popup()
    assert await first.result() == {"items": []}
    await started(backend, 2)
    backend.released.set()
    assert (await second.result())["items"]
    await eventually(lambda: backend.stopped == [URI])


async def test_documents_do_not_cancel_one_another(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("", language="slow")
    client.open("", OTHER)
    first, second = client.inline(), client.inline(uri=OTHER)
    await started(backend, 1)
    backend.released.set()
    assert (await first.result())["items"]
    assert (await second.result())["items"]


async def test_an_edit_ends_the_running_request(client: Session, backend: FakeBackend) -> None:
    """Its answer would land in text that is no longer there."""
    await client.ready()
    client.open("a", language="slow")
    long = client.inline()
    await started(backend, 1)
    client.edit({"text": "b"})
    assert await long.result() == {"items": []}
    await eventually(lambda: backend.stopped == [URI])


async def test_closing_a_document_ends_its_request(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("a", language="slow")
    long = client.inline()
    await started(backend, 1)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await long.result() == {"items": []}
    await eventually(lambda: backend.stopped == [URI])


async def test_a_request_is_about_the_document_as_it_was_when_it_came(
    client: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edit behind it, read in the same breath, must not be handled first."""
    asked = []
    complete = CompletionService.complete

    async def noting(self: CompletionService, request: CompletionRequest) -> CompletionResult:
        asked.append(request.document.lines)
        return await complete(self, request)

    monkeypatch.setattr(CompletionService, "complete", noting)
    await client.ready()
    client.open("before")
    client.inline()
    client.edit({"text": "after"})
    await client.inline().result()
    assert asked == [("before",), ("after",)]


async def test_shutdown_answers_what_is_still_open(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("", language="slow")
    long = client.inline()
    await started(backend, 1)
    assert await client.leave() == 0
    assert (await long.error())["code"] == -32800


async def test_a_burst_of_requests_and_cancels_gets_one_reply_each(
    client: Session, backend: FakeBackend
) -> None:
    """The harness asserts that each id is answered exactly once."""
    await client.ready()
    client.open("", language="slow")
    for number in range(200):
        reply = client.inline()
        client.edit({"text": str(number)}, version=number + 2)
        if number % 3 == 0:
            client.notify("$/cancelRequest", {"id": reply.id})
        if number % 7 == 0:
            await asyncio.sleep(0)
    backend.released.set()
    last = client.inline()
    assert (await last.result())["items"]
    await eventually(lambda: len(client.replies) == len(set(client.replies)) == last.id)
