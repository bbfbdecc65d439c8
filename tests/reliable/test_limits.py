"""What is more than anybody has: answered, or refused with a reason; the next request works."""

import asyncio

import pytest

from tests.lsp.harness import Session
from tests.reliable.conftest import Tried
from tests.reliable.scripted import LINE, ScriptedBackend

TEXT = "total = "
TOO_LONG = "the file is longer than `maxFileSize`, or than four times that if you asked"
SMALL = "file:///project/small.py"


async def goes_on(client: Session) -> None:
    client.open(TEXT, SMALL)
    (item, *_) = (await client.inline(0, len(TEXT), SMALL).result())["items"]
    assert item["insertText"] == LINE


async def send(client: Session, text: str) -> None:
    # It fills the pipe, which waits to be read.
    await asyncio.get_running_loop().run_in_executor(None, client.open, text)


@pytest.mark.parametrize(
    ("what", "text"),
    [("a document of 50 MB", "value = 1\n" * 5_000_000), ("a line of 5 MB", "x" * 5_000_000)],
    ids=["50 MB", "a line"],
)
async def test_a_document_that_is_too_long(
    client: Session, backend: ScriptedBackend, tried: Tried, what: str, text: str
) -> None:
    await client.ready(initializationOptions={"ahead": True})
    await send(client, text)
    for kind in (1, 2):
        assert await client.inline(0, 5, triggerKind=kind).result() == {"items": []}
        why = await client.why()
        assert why
        assert why["reason"] == TOO_LONG
    place = {"line": 0, "character": 3}
    for version in range(2, 12):
        client.edit({"range": {"start": place, "end": place}, "text": "y"}, version=version)
        assert await client.inline(0, 5).result() == {"items": []}
    assert backend.engines[0].prompts == []
    await goes_on(client)
    tried(what, 12, "followed, and requests refused with a reason; other documents complete")


async def test_ten_thousand_open_documents(client: Session, backend: ScriptedBackend, tried: Tried) -> None:
    await client.ready()
    for number in range(10_000):
        client.open(f"value_{number} = 1\n" * 5, f"file:///project/{number}.py")
        if number % 100 == 0:
            await client.status()
    await goes_on(client)
    for number in (0, 5000, 9999):
        uri = f"file:///project/{number}.py"
        assert (await client.inline(0, 3, uri).result())["items"]
    tried("open documents", 10_000, "each completes; the 50 latest are context for one another")


async def test_a_thousand_cancels(client: Session, backend: ScriptedBackend, tried: Tried) -> None:
    await client.ready()
    client.open(TEXT)
    loop = asyncio.get_running_loop()
    started = loop.time()
    replies = []
    for number in range(1000):
        replies.append(client.inline(0, len(TEXT)))
        client.notify("$/cancelRequest", {"id": replies[-1].id})
        if number % 20 == 0:
            await client.status()
    for reply in replies:
        await reply.message()
    seconds = loop.time() - started
    await goes_on(client)
    tried("requests that are cancelled at once", 1000, f"one reply each, {1000 / seconds:,.0f} a second here")
