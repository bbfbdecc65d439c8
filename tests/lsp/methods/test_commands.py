import asyncio
from pathlib import Path
from typing import Any

import pytest

from slm_lsp import __version__
from slm_lsp.completion.model import LoadedModel
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.paths import CACHE_VARIABLE
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.lsp.fakes import PATIENCE, FakeBackend
from tests.lsp.harness import URI, Session
from tests.tokenizers import tokenizer


async def test_commands_are_advertised(client: Session) -> None:
    commands = (await client.initialize())["executeCommandProvider"]["commands"]
    assert commands == [
        "slm-lsp.status",
        "slm-lsp.why",
        "slm-lsp.trail",
        "slm-lsp.context",
        "slm-lsp.accepted",
        "slm-lsp.rejected",
        "slm-lsp.snooze",
        "slm-lsp.focus",
        "slm-lsp.cursor",
    ]


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
    assert 0 < status.pop("tasks") < 20
    assert status == {
        "version": __version__,
        "state": "ready",
        "snoozed": 0,
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
            "weights": None,
            "searches": False,
        },
        "endpoint": None,
        "network": {"allowed": [], "refused": {}},
        "counters": {
            "requests": 2,
            "shown": 1,
            "accepted": 0,
            "rejected": 0,
            "finished": 2,
            "prefilled": 0,
            "ahead": 0,
            "decoded": 0,
            "sources": {"engine": 2},
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
    why = await client.why()
    assert why
    assert why.pop("when").endswith("+00:00")
    assert why.pop("ms") >= 0
    assert why == {
        "uri": URI,
        "language": "python",
        "line": 0,
        "column": 0,
        "trigger": "invoked",
        "source": "the model",
        "model": "smollm2-135m",
        "items": 0,
        "reason": "the model had nothing to add here",
        "stop": None,
        "confidence": None,
        "filters": [],
        "stages": [{"name": "decode", "ms": 1.0, "detail": "as told"}],
        "usage": {
            "reused": 0,
            "prefilled": 0,
            "decoded": 0,
            "passes": 0,
            "verified": 0,
            "drafted": 0,
            "accepted": 0,
            "recalled": 0,
            "named": 0,
            "prefillMs": 0.0,
            "decodeMs": 0.0,
            "ended": False,
        },
    }


async def test_context_tells_what_the_model_is_shown(
    client: Session, backend: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    vocabulary = Vocabulary(tokenizer("qwen"))
    engine = ScriptedEngine(lambda prompt: [])
    backend.model = LoadedModel("scripted", engine, vocabulary, detect(vocabulary))
    (tmp_path / "account.py").write_text("class Account:\n    def deposit(self, amount): ...\n", "utf-8")
    options, uri = {"contextTimeLimit": 10_000}, (tmp_path / "main.py").as_uri()
    await client.ready(initializationOptions=options, rootUri=tmp_path.as_uri())
    client.open("from account import Account\n\n\ndef pay(account: Account):\n    \n", uri)
    found: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while not found:  # the folder is indexed in the background
            shown = await client.command("slm-lsp.context", uri, {"line": 4, "character": 4}).result()
            found = [one for one in shown["parts"] if one["path"] == "account.py"]
    (part,) = found
    assert "def deposit(self, amount)" in part["text"]
    assert part["text"] in shown["prompt"]
    assert 0 < part["tokens"] <= shown["tokens"]["context"]


async def test_context_is_refused_while_no_model_is_ready(client: Session, backend: FakeBackend) -> None:
    backend.loaded.clear()
    await client.initialize()
    client.open("")
    error = await client.command("slm-lsp.context", URI, {"line": 0, "character": 0}).error()
    assert error["message"].startswith("no model is ready")


async def test_the_trail_has_the_last_hundred_requests_without_their_texts(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready()
    backend.text = "hidden"
    client.open("")
    for _ in range(101):
        await client.inline().result()
    trail = await client.command("slm-lsp.trail").result()
    assert len(trail) == 100
    assert not any("hidden" in str(entry) for entry in trail)


async def test_the_trail_keeps_texts_if_the_user_allows_it(client: Session) -> None:
    await client.ready(initializationOptions={"trailText": True})
    client.open("")
    await client.inline().result()
    (entry,) = await client.command("slm-lsp.trail").result()
    assert entry["texts"] == ["pass"]


async def test_snoozing_stops_what_comes_by_itself_until_it_is_over(client: Session) -> None:
    await client.ready()
    client.open("")
    await client.command("slm-lsp.snooze", 5).result()
    assert (await client.status())["snoozed"] == 300
    assert await client.inline(triggerKind=2).result() == {"items": []}
    assert (await client.inline(triggerKind=1).result())["items"]
    await client.command("slm-lsp.snooze", 0).result()
    assert (await client.inline(triggerKind=2).result())["items"]


async def test_a_dismissed_suggestion_does_not_come_back(client: Session) -> None:
    await client.ready()
    client.open("x = ")
    (item,) = (await client.inline(0, 4, triggerKind=2).result())["items"]
    await client.command("slm-lsp.rejected", *item["command"]["arguments"]).result()
    assert await client.inline(0, 4, triggerKind=2).result() == {"items": []}
    why = await client.why()
    assert why
    assert why["reason"] == "the same suggestion was rejected here before"


async def test_right_after_an_accepted_line_nothing_is_suggested(client: Session) -> None:
    await client.ready()
    client.open("x = ")
    (item,) = (await client.inline(0, 4, triggerKind=2).result())["items"]
    client.edit({"text": "x = pass"})
    await client.command("slm-lsp.accepted", *item["command"]["arguments"]).result()
    assert await client.inline(0, 8, triggerKind=2).result() == {"items": []}
    why = await client.why()
    assert why
    assert why["reason"] == "a line was just accepted here"


async def test_nothing_is_suggested_while_text_is_selected(client: Session) -> None:
    await client.ready()
    client.open("x = ")
    await client.command("slm-lsp.focus", URI, True).result()
    assert await client.inline(0, 4, triggerKind=2).result() == {"items": []}
    await client.command("slm-lsp.focus", URI, False).result()
    assert (await client.inline(0, 4, triggerKind=2).result())["items"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("slm-lsp.status", ["more"]),
        ("slm-lsp.why", []),
        ("slm-lsp.why", [1]),
        ("slm-lsp.why", ["a", "b"]),
        ("slm-lsp.accepted", []),
        ("slm-lsp.accepted", [{}]),
        ("slm-lsp.accepted", ["1", "letter", 1]),
        ("slm-lsp.accepted", ["1", "word", 0]),
        ("slm-lsp.rejected", []),
        ("slm-lsp.snooze", ["long"]),
        ("slm-lsp.snooze", [-1]),
        ("slm-lsp.focus", [True]),
        ("slm-lsp.cursor", [URI]),
        ("slm-lsp.cursor", [URI, {"line": 0, "character": -1}]),
        ("slm-lsp.trail", [1]),
        ("slm-lsp.context", [URI]),
        ("slm-lsp.context", [URI, {"line": -1, "character": 0}]),
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
