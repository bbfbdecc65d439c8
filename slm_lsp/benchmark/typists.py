"""Who types: an editor with our server, and an editor with llama.vim's policy and a llama.cpp server."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from slm_lsp.benchmark.client import Client, Json
from slm_lsp.benchmark.keys import Key, Script
from slm_lsp.benchmark.llama_cpp import LlamaCpp
from slm_lsp.context.languages import language_id

Answered = Callable[[int, str | None], None]
"""Told that the state after a key has its answer: what is suggested there, or None if nothing is."""


class Typist(Protocol):
    """Types one script; `Answered` is called as answers come."""

    async def open(self, script: Script) -> None:
        """Open the document as it is before the first key."""

    def place(self, key: Key) -> None:
        """Put the cursor where a key will be typed."""

    def press(self, index: int, key: Key, answered: Answered) -> None:
        """Type a key and ask for a suggestion behind it."""

    async def settle(self) -> None:
        """Wait until nothing is under way."""


class Editor:
    """An editor that asks after every key and withdraws what it asked before.

    As our extensions do, it tells where the cursor rests, once it has not moved for `REST` seconds.
    """

    REST = 0.1

    def __init__(self, client: Client) -> None:
        self._client = client
        self._uri, self._version = "", 0
        self._asked: tuple[int, asyncio.Future[object]] | None = None
        self._resting: asyncio.TimerHandle | None = None

    async def open(self, script: Script) -> None:
        """See `Typist.open`."""
        self._uri, self._version = script.path.absolute().as_uri(), 0
        self._client.notify(
            "textDocument/didOpen",
            {
                "textDocument": {
                    "uri": self._uri,
                    "languageId": language_id(script.path.name),
                    "version": 0,
                    "text": script.text,
                }
            },
        )

    def place(self, key: Key) -> None:
        """See `Typist.place`."""
        command = {
            "command": "slm-lsp.cursor",
            "arguments": [self._uri, {"line": key.line, "character": key.column}],
        }
        tell = self._client.ask
        loop = asyncio.get_running_loop()
        self._resting = loop.call_later(self.REST, tell, "workspace/executeCommand", command)

    def press(self, index: int, key: Key, answered: Answered) -> None:
        """See `Typist.press`."""
        if self._resting:
            self._resting.cancel()
        self._version += 1
        place = {"line": key.line, "character": key.column}
        change = {"range": {"start": place, "end": place}, "text": key.text}
        document = {"uri": self._uri, "version": self._version}
        self._client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        if self._asked and not self._asked[1].done():
            self._client.notify("$/cancelRequest", {"id": self._asked[0]})
        number, reply = self._asked = self._client.ask(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": self._uri}, "position": _after(key), "context": {"triggerKind": 2}},
        )

        def done(future: "asyncio.Future[object]") -> None:
            if self._asked and self._asked[0] == number:
                answered(index, _first(future.result()))

        reply.add_done_callback(done)

    async def settle(self) -> None:
        """See `Typist.settle`."""
        if self._asked:
            await asyncio.wait([self._asked[1]])


class LlamaVim:
    """llama.vim's policy: one request at a time, `LINES_BEFORE` and `LINES_AFTER` lines, the server's prompt
    cache on, and what came back kept for as long as the user types what it says.

    While a request runs, the newest state waits for it; its answer is looked at first. `render` makes a
    prompt of the text before and after the cursor. Nothing is asked until something is typed.
    """

    LINES_BEFORE, LINES_AFTER, PREDICT, PREDICT_MS, KEPT, LOOK_BACK = 256, 64, 64, 250, 250, 128

    def __init__(self, url: str, render: Callable[[str, str], str]) -> None:
        """Take the server's address.

        Raises:
            UsageError: it is not on this machine, where the code has to stay.
        """
        self._peer = LlamaCpp(url)
        self._render = render
        self._lines: list[str] = []
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._running: asyncio.Task[None] | None = None
        self._waiting: tuple[int, str, str, Answered] | None = None

    async def open(self, script: Script) -> None:
        """See `Typist.open`."""
        self._lines = script.text.split("\n")

    def place(self, key: Key) -> None:
        """See `Typist.place`."""

    def press(self, index: int, key: Key, answered: Answered) -> None:
        """See `Typist.press`."""
        line = self._lines[key.line]
        self._lines[key.line : key.line + 1] = (line[: key.column] + key.text + line[key.column :]).split(
            "\n"
        )
        place = _after(key)
        at, column = place["line"], place["character"]
        before = "\n".join([*self._lines[max(0, at - self.LINES_BEFORE) : at], self._lines[at][:column]])
        after = "\n".join([self._lines[at][column:], *self._lines[at + 1 : at + 1 + self.LINES_AFTER]])
        if (known := self._look_up(before, after)) is not None:
            answered(index, known)
            return
        self._waiting = (index, before, after, answered)
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def settle(self) -> None:
        """See `Typist.settle`."""
        if self._running:
            await self._running

    async def _run(self) -> None:
        while self._waiting:
            index, before, after, answered = self._waiting
            self._known[before, after] = await self._complete(self._render(before, after))
            if len(self._known) > self.KEPT:
                self._known.popitem(last=False)
            # The newest state may be another by now, which what came back may fit as well.
            index, before, after, answered = self._waiting
            if (known := self._look_up(before, after)) is not None:
                self._waiting = None
                answered(index, known)

    def _look_up(self, before: str, after: str) -> str | None:
        """Return what is left of a suggestion that was made up to `LOOK_BACK` characters back."""
        for back in range(min(self.LOOK_BACK, len(before)) + 1):
            typed = before[len(before) - back :]
            known = self._known.get((before[: len(before) - back], after))
            if known is not None and known.startswith(typed):
                return known[back:]
        return None

    async def _complete(self, prompt: str) -> str:
        body: Json = {
            "prompt": prompt,
            "n_predict": self.PREDICT,
            "t_max_predict_ms": self.PREDICT_MS,
            "cache_prompt": True,
            "temperature": 0.0,
            "samplers": ["temperature"],
        }
        content: str = (await self._peer.post(body))["content"]
        return content


def _after(key: Key) -> Json:
    """Return the position behind what a key typed."""
    head, newline, last = key.text.rpartition("\n")
    if not newline:
        return {"line": key.line, "character": key.column + len(key.text)}
    return {"line": key.line + head.count("\n") + 1, "character": len(last)}


def _first(result: object) -> str | None:
    """Return the text of a reply's first item."""
    items = result.get("items", []) if isinstance(result, dict) else result
    if not isinstance(items, list) or not items:
        return None
    text: str = items[0]["insertText"]
    return text
