import logging
from typing import Any

import pytest

from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import URI, Session, session

PARSE_ERROR, NOT_INITIALIZED, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS, INTERNAL = (
    -32700,
    -32002,
    -32600,
    -32601,
    -32602,
    -32603,
)


async def test_a_request_before_initialize_is_refused(client: Session) -> None:
    assert (await client.inline().error())["code"] == NOT_INITIALIZED
    await client.initialize()


async def test_a_second_initialize_is_refused(client: Session) -> None:
    await client.initialize()
    again = client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    assert (await again.error())["code"] == INVALID_REQUEST


async def test_a_request_after_shutdown_is_refused(client: Session) -> None:
    """pygls alone leaves it without a reply."""
    await client.initialize()
    await client.request("shutdown").result()
    assert (await client.inline().error())["code"] == INVALID_REQUEST
    client.notify("exit")
    assert await client.exit_code == 0


async def test_an_unknown_request_is_refused(client: Session) -> None:
    await client.initialize()
    assert (await client.request("textDocument/hover", {"a": 1}).error())["code"] == UNKNOWN_METHOD


@pytest.mark.parametrize("method", ["$/setTrace", "$/unknown", "workspace/didRenameFiles", "custom/thing"])
async def test_unknown_notifications_are_ignored_quietly(
    client: Session, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    await client.initialize()
    client.notify(method, {"value": "off"})
    await client.status()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("method", "params"),
    [
        (
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": URI},
                "position": {"line": 0, "character": 0},
                "context": {"triggerKind": 0},
            },
        ),
        ("textDocument/inlineCompletion", None),
        ("textDocument/inlineCompletion", {"secret": "secret"}),
        ("textDocument/inlineCompletion", ["secret"]),
        (
            "textDocument/completion",
            {"textDocument": {"uri": URI}, "position": {"line": -1, "character": 0}},
        ),
        ("textDocument/completion", {"textDocument": "secret", "position": {"line": 0, "character": 0}}),
        ("workspace/executeCommand", {"arguments": ["secret"]}),
    ],
    ids=["trigger kind 0", "none", "other", "a list", "a negative line", "a text", "a command"],
)
async def test_bad_parameters_are_answered_with_an_error(
    client: Session, method: str, params: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """pygls alone leaves the request without a reply, and shows an error in the editor."""
    await client.initialize()
    error = await client.request(method, params).error()
    assert error["code"] == INVALID_PARAMS
    assert method in error["message"]
    assert "\n" not in error["message"]
    assert "secret" not in error["message"]
    assert client.of("window/showMessage") == []
    assert caplog.messages == []


@pytest.mark.parametrize("identifier", [None, 1.5, [1], {"a": 1}])
async def test_a_request_with_a_bad_id_is_answered_without_it(client: Session, identifier: Any) -> None:
    await client.initialize()
    reply = client.expect(None)
    client.send({"jsonrpc": "2.0", "id": identifier, "method": "shutdown"})
    assert (await reply.error())["code"] == INVALID_REQUEST


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"id": 99, "method": "textDocument/hover"}, INVALID_REQUEST),
        ({"jsonrpc": "1.0", "id": 99, "method": "shutdown"}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 99, "method": 5}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 99, "method": "textDocument/didOpen", "params": {}}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 99, "method": "initialized", "params": {}}, INVALID_REQUEST),
    ],
    ids=["no version", "other version", "bad method", "a notification with an id", "another"],
)
async def test_what_is_no_request_of_the_protocol_is_refused(
    client: Session, message: dict[str, Any], code: int
) -> None:
    await client.initialize()
    reply = client.expect(99)
    client.send(message)
    assert (await reply.error())["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b'"secret"',
        b"[1, 2]",
        b"null",
        b"{}",
        b'{"jsonrpc": "2.0", "method": "shutdown"}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": "secret"}}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": ["secret"]}',
        b'{"jsonrpc": "2.0", "id": "nobody asked", "result": "secret"}',
        b'{"jsonrpc": "2.0", "id": "nobody asked", "error": "secret"}',
        b'{"jsonrpc": "2.0", "id": ["secret"], "result": "secret"}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": {"secret": 1}}}',
        b'{"jsonrpc": "2.0", "method": "window/workDoneProgress/cancel", "params": {"token": ["secret"]}}',
    ],
)
async def test_nonsense_is_logged_without_its_text_and_ignored(
    client: Session, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await client.initialize()
    client.raw(body)
    await client.status()
    assert client.notifications == []
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000], ids=["cut off", "no UTF-8", "deep", "long"]
)
async def test_what_is_no_json_is_an_error_and_the_session_goes_on(
    client: Session, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await client.initialize()
    reply = client.expect(None)
    client.raw(body)
    assert (await reply.error())["code"] == PARSE_ERROR
    await client.status()
    assert client.notifications == []
    assert caplog.messages == ["a message was ignored: it is no JSON in UTF-8"]


async def test_a_message_inside_a_message_is_data(client: Session) -> None:
    """pygls alone takes every object with a `jsonrpc` member for a message, wherever it stands."""
    await client.initialize()
    inner = {"jsonrpc": "2.0", "id": 7, "method": "shutdown"}
    assert (await client.command("slm-lsp.why", inner).error())["code"] == INVALID_PARAMS


async def test_a_late_cancel_is_ignored_quietly(client: Session, caplog: pytest.LogCaptureFixture) -> None:
    await client.ready()
    client.open("")
    reply = client.inline()
    await reply.result()
    client.notify("$/cancelRequest", {"id": reply.id})
    client.notify("$/cancelRequest", {"id": "unheard of"})
    await client.status()
    assert caplog.messages == []


async def test_a_failing_request_is_answered_without_a_traceback(
    backend: FakeBackend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slm_lsp.completion.service.CompletionService.why", lambda *_: 1 / 0)
    async with session(backend) as client:
        await client.initialize()
        error = await client.command("slm-lsp.why", URI).error()
        assert error == {"code": INTERNAL, "message": "The request failed; the server's log says why."}
    assert "ZeroDivisionError" in caplog.text


async def test_a_failing_notification_is_logged_and_not_popped_up(
    backend: FakeBackend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slm_lsp.completion.service.CompletionService.forget", lambda *_: 1 / 0)
    async with session(backend) as client:
        await client.initialize()
        client.open("")
        client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
        await client.status()
        assert client.of("window/showMessage") == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "ZeroDivisionError" in caplog.text
