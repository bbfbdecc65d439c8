from functools import partial
from typing import Any

from slm_lsp.errors import ModelNotFound
from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import REFUSED, Session

STATUS = {"experimental": {"slmLspStatus": True}}
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


async def test_a_client_that_wants_the_status_is_told_whenever_it_changes(
    client: Session, backend: FakeBackend
) -> None:
    backend.loaded.clear()
    await client.initialize({**PROGRESS, **STATUS})
    told = partial(client.of, "slm-lsp/status")
    await client.until(lambda: any(one["fraction"] == 0.5 for one in told()))
    backend.loaded.set()
    await client.until(lambda: told()[-1]["state"] == "ready")
    assert told()[0]["state"] == "loading"
    assert told()[-1] == {
        "state": "ready",
        "fraction": 1.0,
        "message": "smollm2-135m is ready",
        "model": "smollm2-135m",
        "snoozed": 0,
    }
    await client.command("slm-lsp.snooze", 5).result()
    assert told()[-1]["snoozed"] == 300
    assert shown(client) == []


async def test_a_failure_is_told_once(client: Session, backend: FakeBackend) -> None:
    backend.failure = ModelNotFound("it is not there; run `slm-lsp models pull`.")
    await client.initialize(STATUS)
    await client.until(lambda: any(one["state"] == "failed" for one in client.of("slm-lsp/status")))
    assert client.of("slm-lsp/status")[-1]["message"] == "it is not there; run `slm-lsp models pull`."
    assert client.of("window/showMessage") == []
