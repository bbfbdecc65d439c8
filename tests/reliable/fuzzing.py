"""Messages that a broken or hostile client might send, and a server that takes them in this process."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from slm_lsp.lsp.server import build_server
from slm_lsp.lsp.transport import converse
from tests.lsp.fakes import PATIENCE, FakeBackend

Json = dict[str, Any]

URIS = (
    *("file:///project/a.py", "untitled:1", "", "file:///a%00b.py", "file://[", "file:///" + "x" * 5000),
    *("file://host/share/a.py", "not a uri", "cell:one#\u2028", "file:///%ff%fe.py"),
)
_PLACE = {"line": 0, "character": 1}
_RANGE = {"start": _PLACE, "end": {"line": 0, "character": 2}}
_DOCUMENT = {"uri": URIS[0]}
_VERSIONED = {"uri": URIS[0], "version": 2}
_CELL = {"kind": 2, "document": "cell:one"}

REQUESTS: tuple[tuple[str, Any], ...] = (
    ("initialize", {"processId": None, "rootUri": None, "capabilities": {}}),
    (
        "textDocument/inlineCompletion",
        {"textDocument": _DOCUMENT, "position": _PLACE, "context": {"triggerKind": 1}},
    ),
    (
        "textDocument/inlineCompletion",
        {
            "textDocument": _DOCUMENT,
            "position": _PLACE,
            "context": {"triggerKind": 2, "selectedCompletionInfo": {"range": _RANGE, "text": "x"}},
        },
    ),
    (
        "textDocument/completion",
        {"textDocument": _DOCUMENT, "position": _PLACE, "context": {"triggerKind": 1}},
    ),
    ("workspace/executeCommand", {"command": "slm-lsp.status", "arguments": []}),
    ("workspace/executeCommand", {"command": "slm-lsp.why", "arguments": [URIS[0]]}),
    ("workspace/executeCommand", {"command": "slm-lsp.trail"}),
    ("workspace/executeCommand", {"command": "slm-lsp.accepted", "arguments": ["1", "word", 3]}),
    ("workspace/executeCommand", {"command": "slm-lsp.rejected", "arguments": ["1"]}),
    ("workspace/executeCommand", {"command": "slm-lsp.snooze", "arguments": [5]}),
    ("workspace/executeCommand", {"command": "slm-lsp.focus", "arguments": [URIS[0], True]}),
    (
        "workspace/executeCommand",
        {"command": "slm-lsp.cursor", "arguments": [URIS[0], {"line": 1, "character": 2}]},
    ),
    ("textDocument/hover", {"textDocument": _DOCUMENT, "position": _PLACE}),
)
NOTIFICATIONS: tuple[tuple[str, Any], ...] = (
    ("initialized", {}),
    ("textDocument/didOpen", {"textDocument": {**_VERSIONED, "languageId": "python", "text": "a = 1\n"}}),
    (
        "textDocument/didChange",
        {"textDocument": _VERSIONED, "contentChanges": [{"range": _RANGE, "text": "b"}, {"text": "c"}]},
    ),
    ("textDocument/didClose", {"textDocument": _DOCUMENT}),
    ("textDocument/didSave", {"textDocument": _DOCUMENT}),
    (
        "notebookDocument/didOpen",
        {
            "notebookDocument": {"uri": "a.ipynb", "notebookType": "j", "version": 1, "cells": [_CELL]},
            "cellTextDocuments": [{"uri": "cell:one", "languageId": "python", "version": 1, "text": "x"}],
        },
    ),
    (
        "notebookDocument/didChange",
        {
            "notebookDocument": {"uri": "a.ipynb", "version": 2},
            "change": {"cells": {"structure": {"array": {"start": 0, "deleteCount": 1, "cells": [_CELL]}}}},
        },
    ),
    ("notebookDocument/didClose", {"notebookDocument": {"uri": "a.ipynb"}, "cellTextDocuments": [_DOCUMENT]}),
    ("workspace/didChangeConfiguration", {"settings": {"slm-lsp": {"maxTokens": 5, "model": "tiny"}}}),
    ("workspace/didChangeWatchedFiles", {"changes": [{"uri": URIS[0], "type": 1}]}),
    ("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": []}}),
    ("$/cancelRequest", {"id": 1}),
    ("$/setTrace", {"value": "off"}),
    ("window/workDoneProgress/cancel", {"token": 1}),
)

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 2**31, 2**64, 10**40, float("nan"), float("inf"), "", "x" * 3000),
    *("\ud800", "\0", "\r\n\u2028", [], {}, [[]], [None] * 50, {"": {}}, {"uri": None}, *URIS),
)
"""Values that take the place of others."""

ids = st.one_of(
    st.integers(1, 3), st.sampled_from((1, "1", 1.5, None, True, [1], {"a": 1}, 2**70, "x" * 999))
)


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Return a message as it may be, most often with something in it that should not be."""
    if draw(st.booleans()):
        method, params = draw(st.sampled_from(REQUESTS))
        message: Json = {"jsonrpc": "2.0", "id": draw(ids), "method": method, "params": params}
    else:
        method, params = draw(st.sampled_from(NOTIFICATIONS))
        message = {"jsonrpc": "2.0", "method": method, "params": params}
    for _ in range(draw(st.integers(0, 3))):
        message = draw(mutated(message))
    return message


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """Return a value of which one part was changed, left out, doubled or buried."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: draw(mutated(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(mutated(value[at])), *value[at + 1 :]]
    how = draw(st.integers(0, 5))
    if how == 0 and isinstance(value, dict) and value:
        gone = draw(st.sampled_from(sorted(value)))
        return {key: one for key, one in value.items() if key != gone}
    if how == 1 and isinstance(value, list):
        return value + value
    if how == 2:
        # Three times the most is still less than `json` can write, whatever the stack holds already.
        for _ in range(draw(st.sampled_from((1, 50, 250)))):
            value = [value]
        return value
    return draw(st.sampled_from(ODD))


@dataclass(frozen=True, slots=True)
class Input:
    """What a client sends: the bytes, and the id that must be answered just once more, if there is one."""

    data: bytes
    expects: int | str | None = None


def framed(body: bytes, length: int | None = None) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


@st.composite
def sessions(draw: st.DrawFn, count: int) -> list[Input]:
    """Return inputs about one document, of which the first three open the session and the document."""
    uri = draw(st.sampled_from(URIS))
    opening: list[tuple[str, Json]] = [
        ("initialize", {"id": "first"}),
        ("initialized", {}),
        ("textDocument/didOpen", {}),
    ]
    known = dict((*REQUESTS[:1], *NOTIFICATIONS[:2]))
    first = [{"jsonrpc": "2.0", "method": name, "params": known[name], **more} for name, more in opening]
    whole = [Input(framed(_body(message, uri)), message.get("id")) for message in first]
    return whole + draw(st.lists(inputs(uri), min_size=count, max_size=count))


def _body(message: Any, uri: str) -> bytes:
    return json.dumps(message).replace(json.dumps(URIS[0]), json.dumps(uri)).encode()


@st.composite
def inputs(draw: st.DrawFn, uri: str) -> Input:
    """Return an input: mostly whole messages, some torn, some with headers that say something else."""
    message = draw(messages())
    body = _body(message, uri)
    how = draw(st.integers(0, 19))
    if how == 0:
        body = body[: draw(st.integers(0, len(body)))]  # cut off, and announced so
    elif how == 1:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(min_size=1, max_size=4)) + body[at:]
    elif how == 2:
        body = b"[" * 2000 + body
    elif how == 3:
        return Input(framed(body, draw(st.integers(0, len(body)))))  # the rest is noise
    elif how == 4:
        header = draw(
            st.sampled_from((b"Content-Length: -1", b"Content-Length: x", b"", b"X: y", b"\xff" * 99))
        )
        return Input(header + b"\r\n\r\n" + body)
    elif how == 5:
        return Input(draw(st.binary(max_size=60)) + b"\r\n")
    else:
        expects = message.get("id") if isinstance(message, dict) and "method" in message else None
        return Input(framed(body), expects if isinstance(expects, int | str) else None)
    return Input(framed(body))


class Target:
    """A server to send inputs to; `replies` counts them by id, and `answers` has the last of each."""

    def __init__(self, backend: FakeBackend) -> None:
        self.replies: Counter[int | str | None] = Counter()
        self.answers: dict[int | str | None, Json] = {}
        self.server = build_server(backend.service)
        self._reader = asyncio.StreamReader()
        self._probe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._serving = asyncio.ensure_future(self._serve())

    def write(self, data: bytes) -> None:
        """Take what the server sends."""
        message = json.loads(data.partition(b"\r\n\r\n")[2])
        if message.get("id") == "probe" and "method" not in message:
            self._probe.set_result(None)
        elif "method" not in message:
            self.replies[message["id"]] += 1
            self.answers[message["id"]] = message

    def close(self) -> None:
        """Nothing to close."""

    async def send(self, method: str, params: Any, identifier: int | None = None) -> None:
        """Send a whole message, and wait until it has been taken."""
        message: Json = {"jsonrpc": "2.0", "method": method, "params": params}
        if identifier is not None:
            message["id"] = identifier
        await self.take([Input(framed(json.dumps(message).encode()))])

    async def take(self, sent: Sequence[Input]) -> None:
        """Send inputs, and then a request that must be answered as if nothing had been."""
        if sent:
            self._reader.feed_data(b"".join(one.data for one in sent))
        command = {"command": "slm-lsp.status"}
        probe = {"jsonrpc": "2.0", "id": "probe", "method": "workspace/executeCommand", "params": command}
        # Where the last input was torn, the header that follows it ends its line.
        self._reader.feed_data(b"\r\n\r\n" + framed(json.dumps(probe).encode()))
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({self._probe, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        assert self._probe.done(), "the server left"
        self._probe = asyncio.get_running_loop().create_future()

    async def _serve(self) -> None:
        try:
            await converse(self.server, self._reader, self)
        finally:
            self.server.statistics.stop()
            self.server.service.close()

    async def leave(self) -> None:
        """Hang up, and wait until the server has left."""
        self._reader.feed_eof()
        async with asyncio.timeout(PATIENCE):
            await self._serving


def owed(sent: Sequence[Input]) -> Counter[int | str | None] | None:
    """Return how many replies there must be by id; None if some input swallows a part of the next."""
    if not all(_is_whole(one.data) for one in sent):
        return None
    return Counter(one.expects for one in sent if one.expects is not None)


def _is_whole(data: bytes) -> bool:
    found = re.match(rb"Content-Length: (\d+)\r\n\r\n", data)
    return bool(found and int(found[1]) == len(data) - found.end())
