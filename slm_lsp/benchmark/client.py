"""A language client that is as fast as it can be: what it measures is the server."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from slm_lsp.errors import SlmLspError

Json = dict[str, Any]

SERVE = (sys.executable, "-m", "slm_lsp", "serve")

ENDED = "the server ended before it answered; see its log."


class Client:
    """A server in a process of its own, spoken to through pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        self._process, self._in, self._out = process, process.stdin, process.stdout
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self.pid = process.pid

    @classmethod
    async def start(
        cls,
        settings: Json,
        command: Sequence[str] = SERVE,
        *,
        root: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Client":
        """Start a server, shake hands, and wait until its model is ready.

        `root` is the URI of the workspace, `environment` holds variables that the server has beside ours.

        Raises:
            SlmLspError: the server ended, or could not load its model.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            limit=2**24,
        )
        client = cls(process)
        await client.request(
            "initialize",
            {
                "processId": None,
                "rootUri": root,
                "initializationOptions": settings,
                "capabilities": {"textDocument": {"inlineCompletion": {}}},
            },
        )
        client.notify("initialized", {})
        while (status := await client.command("slm-lsp.status"))["state"] != "ready":
            if status["state"] == "failed":
                await client.stop()
                raise SlmLspError(f"the server could not load its model: {status['message']}")
            await asyncio.sleep(0.05)
        return client

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Json | None) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; return its id and the future of its result.

        Raises:
            SlmLspError: the server has ended.
        """
        if self._reading.done():
            raise SlmLspError(ENDED)
        self._next += 1
        future = self._waiting[self._next] = asyncio.get_running_loop().create_future()
        self._send({"id": self._next, "method": method, "params": params})
        return self._next, future

    async def request(self, method: str, params: Json | None) -> Any:
        """Send a request and return its result."""
        return await self.ask(method, params)[1]

    async def command(self, name: str, *arguments: Any) -> Any:
        """Run one of the server's commands and return its result."""
        return await self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    async def stop(self) -> None:
        """Shut the server down, and wait until it has ended."""
        with suppress(SlmLspError):
            await self.request("shutdown", None)
            self._send({"method": "exit"})
        await self.ended()

    async def ended(self) -> None:
        """Wait until the server has ended, however it does."""
        await self._process.wait()
        await self._reading

    def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self) -> None:
        try:
            while True:
                header = await self._out.readuntil(b"\r\n\r\n")
                length = int(header.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                self._take(json.loads(await self._out.readexactly(length)))
        except asyncio.IncompleteReadError:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(SlmLspError(ENDED))

    def _take(self, message: Json) -> None:
        if "method" in message:
            if "id" in message:
                self._send({"id": message["id"], "result": None})
            return
        future = self._waiting.pop(message["id"], None)
        if future and not future.done():
            # A request that was cancelled or fell behind has an error for its result: no suggestion.
            future.set_result(message.get("result"))
