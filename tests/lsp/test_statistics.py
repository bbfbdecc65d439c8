import pytest

from slm_lsp.lsp.statistics import survives
from slm_lsp.statistics.store import Store
from slm_lsp.statistics.tally import summary
from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import Session, session


@pytest.mark.parametrize(
    ("accepted", "document", "still"),
    [
        ("price * count", "total = price * count\n", True),
        ("price * count", "total = price * counts + 1\n", True),
        ("price * count", "total = sum(prices)\n", False),
        ("\n    a()\n    return b(c)", "def f():\n  a()\n  return b(c, d)\n", True),
        ("\n    a()\n    return b(c)", "x = 1\n", False),
    ],
)
def test_what_was_accepted_is_still_there_if_most_of_it_is(accepted: str, document: str, still: bool) -> None:
    assert survives(accepted, document) is still


async def work(client: Session, **settings: bool) -> None:
    """Type, be shown something, accept it, and leave."""
    await client.ready(initializationOptions=settings)
    client.open("x = ", language="lua")
    here = {"line": 0, "character": 4}
    client.edit({"range": {"start": here, "end": here}, "text": "y"})
    (item,) = (await client.inline(0, 5).result())["items"]
    await client.command("slm-lsp.accepted", *item["command"]["arguments"]).result()
    await client.leave()


async def test_a_session_leaves_its_counts_and_no_text(backend: FakeBackend) -> None:
    store = Store()
    store.reset()
    backend.text = "secret_text"
    async with session(backend) as client:
        await work(client)
    await eventually(store.read)
    found = summary(store.read())
    assert (found.shown, found.accepted, found.completed) == (1, 1, 11 / 12)
    assert b"secret" not in store.path.read_bytes()


async def test_who_wants_no_statistics_leaves_none(backend: FakeBackend) -> None:
    Store().reset()
    async with session(backend) as client:
        await work(client, statistics=False)
    assert Store().read() == {}
