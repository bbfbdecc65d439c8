from typing import Any

import pytest

from slm_lsp import __version__
from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import URI, Session


async def test_commands_are_advertised(client: Session) -> None:
    commands = (await client.initialize())["executeCommandProvider"]["commands"]
    assert commands == ["slm-lsp.status", "slm-lsp.why", "slm-lsp.accepted"]


async def test_status_tells_of_the_model_the_memory_and_the_counters(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready(initializationOptions={"model": "tiny"})
    client.open("")
    await client.inline().result()
    backend.text = ""
    await client.inline().result()
    status = await client.status()
    assert status.pop("memory") > 1_000_000
    assert status == {
        "version": __version__,
        "state": "ready",
        "message": "tiny is ready",
        "model": "tiny",
        "device": "cpu",
        "engine": {
            "architecture": "fake",
            "parameters": 1000,
            "precision": "float32",
            "device": "cpu",
            "threads": 1,
            "contextLength": 2048,
            "backend": "slm-lsp",
        },
        "counters": {
            "requests": 2,
            "shown": 1,
            "accepted": 0,
            "prefilled": 0,
            "decoded": 0,
            "reasons": {"empty": 1},
        },
    }


async def test_status_can_be_asked_while_the_model_is_loading(client: Session, backend: FakeBackend) -> None:
    backend.loaded.clear()
    await client.initialize()
    status = await client.status()
    assert status["state"] in ("idle", "loading")
    assert status["engine"] is None


async def test_why_tells_of_the_last_request_of_a_document(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("")
    assert await client.why() is None
    backend.text = ""
    await client.inline().result()
    assert await client.why() == {
        "uri": URI,
        "model": "smollm2-135m",
        "items": 0,
        "reason": "the model had nothing to add here",
        "stages": [{"name": "decode", "ms": 1.0, "detail": "as told"}],
        "usage": {
            "reused": 0,
            "prefilled": 0,
            "decoded": 0,
            "passes": 0,
            "drafted": 0,
            "accepted": 0,
            "prefillMs": 0.0,
            "decodeMs": 0.0,
            "ended": False,
        },
    }


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("slm-lsp.status", ["more"]),
        ("slm-lsp.why", []),
        ("slm-lsp.why", [1]),
        ("slm-lsp.why", ["a", "b"]),
        ("slm-lsp.accepted", []),
        ("slm-lsp.accepted", [{}]),
        ("slm-lsp.unheard-of", []),
    ],
)
async def test_bad_arguments_are_answered_in_one_sentence(
    client: Session, command: str, arguments: list[Any]
) -> None:
    await client.initialize()
    error = await client.command(command, *arguments).error()
    assert error["code"] == -32602
    assert command in error["message"]
    assert "\n" not in error["message"]


async def test_commands_without_arguments_may_leave_them_out(client: Session) -> None:
    await client.initialize()
    assert await client.request("workspace/executeCommand", {"command": "slm-lsp.status"}).result()
    error = await client.request("workspace/executeCommand", {"command": "slm-lsp.why"}).error()
    assert error["code"] == -32602
