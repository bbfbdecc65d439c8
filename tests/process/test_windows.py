"""Two real windows on one shared engine with the embedded model."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from slm_lsp.benchmark.client import Client
from slm_lsp.models.store import locate
from slm_lsp.paths import RUNTIME_VARIABLE

pytestmark = [
    pytest.mark.process,
    pytest.mark.model,
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL"),
]

SERVE = (sys.executable, "-m", "slm_lsp", "serve", "--shared")
URI = "file:///window.py"
TEXT = "def area(width: float, height: float) -> float:\n    return width * "
PATIENCE = 120.0


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for sockets of its own, and no engine left that listens there."""
    locate("smollm2-135m")
    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    yield folder
    for process in engines(folder):
        process.kill()
        process.wait(PATIENCE)


def engines(folder: Path) -> list[psutil.Process]:
    """Return the processes that own an engine in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[1:4] == ["-m", "slm_lsp", "engine"]:
            with_folder = process.environ().get(RUNTIME_VARIABLE) == str(folder)
            found += [process] if with_folder else []
    return found


async def start(folder: Path) -> Client:
    client = await Client.start(
        {"eagerness": 100, "ahead": False, "alternatives": 1},
        SERVE,
        environment={RUNTIME_VARIABLE: str(folder)},
    )
    document = {"uri": URI, "version": 1, "languageId": "python", "text": TEXT}
    client.notify("textDocument/didOpen", {"textDocument": document})
    return client


async def ask(client: Client) -> Any:
    position = {"line": 1, "character": len("    return width * ")}
    result = await client.request(
        "textDocument/inlineCompletion",
        {"textDocument": {"uri": URI}, "position": position, "context": {"triggerKind": 1}},
    )
    return [item["insertText"] for item in result["items"]]


@pytest.mark.parametrize("at_once", [True, False])
async def test_two_windows_share_one_engine_that_survives_the_death_of_either(
    runtime: Path, at_once: bool
) -> None:
    async with asyncio.timeout(PATIENCE):
        if at_once:
            first, second = await asyncio.gather(start(runtime), start(runtime))
        else:
            second = await start(runtime)
            first = await start(runtime)
        (engine,) = engines(runtime)
        texts = await asyncio.gather(ask(first), ask(second))
        assert texts[0] == texts[1] != []
        # A window dies in the middle of a request, perhaps the one that started the engine.
        dying = asyncio.ensure_future(ask(first))
        os.kill(first.pid, signal.SIGKILL)
        assert await ask(second) == texts[1]
        await asyncio.gather(dying, return_exceptions=True)
        await first.ended()
        assert engine.is_running()
        # The engine dies and leaves nothing behind: the next request but one is answered by a new one.
        engine.kill()
        engine.wait(PATIENCE)
        await ask(second)
        assert await ask(second) == texts[1]
        await second.stop()
