from typing import Any

from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import REFUSED, Session

PROGRESS = {"window": {"workDoneProgress": True}}


def shown(client: Session) -> list[dict[str, Any]]:
    return [params["value"] for params in client.of("$/progress")]


async def test_loading_is_shown_from_begin_to_end(client: Session, backend: FakeBackend) -> None:
    backend.loaded.clear()
    await client.initialize(PROGRESS)
    await client.until(lambda: any(value.get("percentage") == 50 for value in shown(client)))
    backend.loaded.set()
    await client.until(lambda: shown(client)[-1]["kind"] == "end")
    assert shown(client)[0] == {
        "kind": "begin",
        "title": "slm-lsp",
        "message": "loading smollm2-135m",
        "percentage": 0,
        "cancellable": False,
    }
    assert {value["kind"] for value in shown(client)[1:-1]} == {"report"}
    assert shown(client)[-1]["message"] == "smollm2-135m is ready"
    (create,) = [one for one in client.requests if one["method"] == "window/workDoneProgress/create"]
    assert {params["token"] for params in client.of("$/progress")} == {create["params"]["token"]}


async def test_a_second_load_is_shown_anew(client: Session) -> None:
    await client.ready(PROGRESS)
    client.notify("workspace/didChangeConfiguration", {"settings": {"slm-lsp": {"model": "other"}}})
    await client.until(lambda: [value["kind"] for value in shown(client)].count("end") == 2)
    assert shown(client)[-1]["message"] == "other is ready"


async def test_clients_that_cannot_show_progress_are_not_asked_to(client: Session) -> None:
    await client.ready()
    assert (client.requests, shown(client)) == ([], [])


async def test_a_client_that_refuses_is_left_alone(client: Session, backend: FakeBackend) -> None:
    client.answers["window/workDoneProgress/create"] = REFUSED
    backend.loaded.clear()
    await client.initialize(PROGRESS)
    await client.until(lambda: client.requests)
    await client.status()
    backend.loaded.set()
    await eventually(lambda: backend.loads)
    client.notify("workspace/didChangeConfiguration", {"settings": {"slm-lsp": {"model": "other"}}})
    await eventually(lambda: backend.loads[-1].model == "other")
    await client.status()
    assert shown(client) == []
    assert len(client.requests) == 1
