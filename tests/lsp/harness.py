"""A client that says what a test tells it to, byte for byte, and takes down all that comes back."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slm_lsp.lsp.server import build_server
from slm_lsp.lsp.transport import serve_pipes
from tests.lsp.fakes import PATIENCE, FakeBackend

Json = dict[str, Any]

URI = "file:///project/a.py"

REFUSED = object()
"""An answer that makes the client refuse the server's request."""


class Wire:
    """The client's end of a connection.

    It answers the server's own requests from `answers`, by method: with a value, once a future has one, or
    with null. `replies` holds the ids of all replies, in the order in which they came.
    """

    def __init__(self, reader: asyncio.StreamReader, fd: int) -> None:
        self._reader, self._fd = reader, fd
        self._waiting: dict[int | str | None, asyncio.Future[Json]] = {}
        self._next = 0
        self.answers: dict[str, Any] = {}
        self.replies: list[int | str | None] = []
        self.requests: list[Json] = []
        self.notifications: list[Json] = []
        self._arrived = asyncio.Condition()

    def raw(self, body: bytes) -> None:
        """Send a body as it is, with its header."""
        os.write(self._fd, b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def send(self, message: Any) -> None:
        """Send a message as JSON."""
        self.raw(json.dumps(message).encode())

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any = None) -> "Reply":
        """Send a request; await the reply for its result."""
        self._next += 1
        self.send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        return self.expect(self._next)

    def expect(self, identifier: int | str | None) -> "Reply":
        """Return the reply to come for an id."""
        future = self._waiting[identifier] = asyncio.get_running_loop().create_future()
        return Reply(identifier, future)

    def of(self, method: str) -> list[Json]:
        """Return the parameters of all notifications of a method so far."""
        return [one["params"] for one in self.notifications if one["method"] == method]

    async def until(self, condition: Any) -> None:
        """Wait until something that has arrived makes the condition true."""
        async with self._arrived, asyncio.timeout(PATIENCE):
            await self._arrived.wait_for(condition)

    async def listen(self) -> None:
        """Take down all that comes, until the server closes the connection."""
        while header := await self._reader.readline():
            length = int(header.removeprefix(b"Content-Length: "))
            while (await self._reader.readline()).strip():
                pass
            message = json.loads(await self._reader.readexactly(length))
            if "method" not in message:
                self.replies.append(message["id"])
                self._waiting.pop(message["id"]).set_result(message)
            elif "id" in message:
                self.requests.append(message)
                self._answer(message)
            else:
                self.notifications.append(message)
            async with self._arrived:
                self._arrived.notify_all()

    def _answer(self, request: Json) -> None:
        answer = self.answers.get(request["method"])
        reply: Json = {"jsonrpc": "2.0", "id": request["id"]}
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(lambda _: self.send({**reply, "result": answer.result()}))
        elif answer is REFUSED:
            self.send({**reply, "error": {"code": -32601, "message": "no"}})
        else:
            self.send({**reply, "result": answer})


class Reply:
    """The reply to one request."""

    def __init__(self, identifier: int | str | None, future: asyncio.Future[Json]) -> None:
        self.id, self._future = identifier, future

    async def message(self) -> Json:
        """Return the whole message."""
        async with asyncio.timeout(PATIENCE):
            return await self._future

    async def result(self) -> Any:
        """Return the result of a request that must not fail."""
        message = await self.message()
        assert "error" not in message, message["error"]
        return message.get("result")

    async def error(self) -> Json:
        """Return the error of a request that must fail."""
        message = await self.message()
        assert "result" not in message
        error: Json = message["error"]
        return error


class Session(Wire):
    """A client in a session with a real server, which runs in the same event loop over real pipes."""

    exit_code: "asyncio.Task[int]"
    pid: int

    async def initialize(self, capabilities: Json | None = None, **params: Any) -> Json:
        """Open the session; returns the server's capabilities."""
        params = {"processId": None, "rootUri": None, "capabilities": capabilities or {}, **params}
        # Nothing is asked of the engine but what a test asks.
        options = params.setdefault("initializationOptions", {})
        if isinstance(options, dict):
            params["initializationOptions"] = {"ahead": False, **options}
        result: Json = await self.request("initialize", params).result()
        self.notify("initialized", {})
        capabilities_: Json = result["capabilities"]
        return capabilities_

    async def ready(self, capabilities: Json | None = None, **params: Any) -> Json:
        """Open the session and wait until the model is loaded."""
        answer = await self.initialize(capabilities, **params)
        async with asyncio.timeout(PATIENCE):
            while (await self.status())["state"] != "ready":  # noqa: ASYNC110 - as clients ask
                await asyncio.sleep(0.01)
        return answer

    async def status(self) -> Json:
        """Return the server's status."""
        result: Json = await self.command("slm-lsp.status").result()
        return result

    async def why(self, uri: str = URI) -> Json | None:
        """Return how the last request for a document was answered."""
        result: Json | None = await self.command("slm-lsp.why", uri).result()
        return result

    def command(self, name: str, *arguments: Any) -> Reply:
        """Run a command."""
        return self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    def open(self, text: str, uri: str = URI, language: str = "python") -> None:
        """Open a document."""
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def edit(self, *changes: Json, uri: str = URI, version: int = 2) -> None:
        """Change a document."""
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": changes}
        self.notify("textDocument/didChange", params)

    def inline(self, line: int = 0, character: int = 0, uri: str = URI, **context: Any) -> Reply:
        """Ask for an inline completion, as a user who presses the key for it."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 1, **context},
        }
        return self.request("textDocument/inlineCompletion", params)

    def popup(self, line: int = 0, character: int = 0, uri: str = URI, **params: Any) -> Reply:
        """Ask for completions in the popup."""
        position = {"line": line, "character": character}
        params = {"textDocument": {"uri": uri}, "position": position, **params}
        return self.request("textDocument/completion", params)

    async def leave(self) -> int:
        """End the session as the protocol wants it; returns the exit code."""
        await self.request("shutdown").result()
        self.notify("exit")
        async with asyncio.timeout(PATIENCE):
            return await self.exit_code

    def hang_up(self) -> None:
        """Close the server's standard input."""
        os.close(self._fd)
        self._fd = -1


@asynccontextmanager
async def session(backend: FakeBackend, model: str | None = None) -> AsyncIterator[Session]:
    """Connect a client to a server; at the end, the server must leave cleanly, with one reply per request."""
    loop = asyncio.get_running_loop()
    to_server, from_client = os.pipe()
    to_client, from_server = os.pipe()
    reader = asyncio.StreamReader(limit=2**24)
    with os.fdopen(to_client, "rb") as pipe:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        client = Session(reader, from_client)
        server = build_server(backend.service, model)
        client.exit_code = loop.create_task(serve_pipes(server, to_server, from_server))
        listening = loop.create_task(client.listen())
        try:
            yield client
            if not client.exit_code.done():
                assert await client.leave() == 0
        finally:
            backend.loaded.set()
            backend.released.set()
            if client._fd >= 0:
                client.hang_up()
            async with asyncio.timeout(PATIENCE):
                await client.exit_code
            await listening
            transport.close()
            await asyncio.sleep(0)  # for the transport to close
            os.close(to_server)
        assert len(client.replies) == len(set(client.replies))
        assert not client._waiting, "a request was never answered"
