import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from slm_lsp.benchmark.keys import Key, Script
from slm_lsp.benchmark.typing import play
from slm_lsp.benchmark.typists import Answered, LlamaVim
from slm_lsp.errors import SlmLspError, UsageError


@dataclass
class Peer:
    """A llama.cpp server that says `content` to everything."""

    content: str
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(length)))
        body = json.dumps({"content": self.content}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def peer(content: str) -> AsyncIterator[Peer]:
    made = Peer(content)
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


def script(*texts: str) -> Script:
    """A script that types texts behind ``x = `` in the second of three lines."""
    keys, column = [], 4
    for text in texts:
        keys.append(Key(1, column, text, 0.01))
        column += len(text)
    return Script(Path("a.py"), "import a\nx = \nprint(x)\n", tuple(keys))


async def test_what_is_typed_as_predicted_is_not_asked_for_again() -> None:
    answers: list[tuple[int, str | None]] = []
    async with peer("one + two") as server:
        typist = LlamaVim(server.url, lambda before, after: f"<S>{after}<P>{before}")
        typed = script("o", "n", "e", "!")
        await typist.open(typed)
        for index, key in enumerate(typed.keys):
            server.content = "two" if key.text == "!" else "ne + two"
            typist.press(index, key, lambda at, text: answers.append((at, text)))
            await typist.settle()
    assert answers == [(0, "ne + two"), (1, "e + two"), (2, " + two"), (3, "two")]
    assert [body["prompt"] for body in server.bodies] == [
        "<S>\nprint(x)\n<P>import a\nx = o",
        "<S>\nprint(x)\n<P>import a\nx = one!",
    ]
    assert all(body["cache_prompt"] for body in server.bodies)


async def test_while_a_request_runs_only_the_newest_state_waits() -> None:
    answers: list[int] = []
    async with peer("") as server:
        typist = LlamaVim(server.url, lambda before, _after: before)
        typed = script("a", "b", "c", "d")
        await typist.open(typed)
        for index, key in enumerate(typed.keys):
            typist.press(index, key, lambda at, _text: answers.append(at))
        await typist.settle()
    assert answers == [3]
    assert [body["prompt"][-4:] for body in server.bodies] == ["abcd"]


@pytest.mark.parametrize("url", ["http://example.org:80", "https://127.0.0.1", "8080"])
def test_code_is_not_sent_to_another_machine(url: str) -> None:
    with pytest.raises(UsageError, match="this machine"):
        LlamaVim(url, lambda before, _after: before)


async def test_a_peer_that_is_not_there_is_said() -> None:
    typist = LlamaVim("http://127.0.0.1:9", lambda before, _after: before)
    typed = script("a")
    await typist.open(typed)
    typist.press(0, typed.keys[0], lambda _at, _text: None)
    with pytest.raises(SlmLspError, match="start its server"):
        await typist.settle()


class Late:
    """A typist whose every second state is answered, late; the last with nothing."""

    async def open(self, script: Script) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def place(self, key: Key) -> None:
        raise AssertionError

    def press(self, index: int, key: Key, answered: Answered) -> None:
        if index % 2:
            text = "x" if index < 2 else ""
            self.tasks.append(asyncio.ensure_future(self._later(lambda: answered(index, text))))

    async def settle(self) -> None:
        await asyncio.gather(*self.tasks)

    async def _later(self, call: Callable[[], None]) -> None:
        await asyncio.sleep(0.02)
        call()


async def test_a_key_waits_for_the_first_answer_that_fits_it_or_a_later_one() -> None:
    pressed: list[int] = []
    played = await play(
        Late(), script("a", "b", "c", "d"), psutil.Process(), fast=False, pressed=lambda: pressed.append(1)
    )
    assert len(pressed) == len(played.waits) == 4
    # The first of a pair was pressed before the second, and both have the second's answer.
    assert played.waits[0] > played.waits[1]
    assert played.waits[2] > played.waits[3]
    assert [suggests for _, suggests in played.waits] == [True, True, False, False]
    summary = played.summary()
    assert (summary["keys"], summary["shown"], summary["instant"]) == (4, 0.25, 0)
    assert summary["made_p50_ms"] == (played.waits[0][0] + played.waits[1][0]) / 2
