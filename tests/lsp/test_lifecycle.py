import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from slm_lsp.lsp import lifecycle
from tests.lsp.fakes import PATIENCE, FakeBackend
from tests.lsp.harness import session


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "WATCH_SECONDS", 0.01)


@pytest.fixture
def editor() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stays until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


async def test_the_server_leaves_when_the_editor_dies(
    backend: FakeBackend, editor: subprocess.Popen[bytes]
) -> None:
    """Its standard input may be held open by another process."""
    async with session(backend) as client:
        await client.ready(processId=editor.pid)
        editor.kill()
        async with asyncio.timeout(PATIENCE):
            assert await client.exit_code == 1


async def test_an_editor_that_nobody_has_buried_is_dead(editor: subprocess.Popen[bytes]) -> None:
    left = asyncio.Event()
    watching = asyncio.ensure_future(lifecycle.outlive(editor.pid, left.set))
    editor.kill()  # and not waited for: it stays in the table of processes
    async with asyncio.timeout(PATIENCE):
        await left.wait()
    await watching


async def test_the_server_stays_as_long_as_the_editor() -> None:
    left = asyncio.Event()
    watching = asyncio.ensure_future(lifecycle.outlive(os.getpid(), left.set))
    await asyncio.sleep(0.1)
    assert not left.is_set()
    watching.cancel()


async def test_an_editor_in_another_container_is_not_watched(editor: subprocess.Popen[bytes]) -> None:
    """Its process id means nothing here; the end of the connection tells of its death."""
    editor.kill()
    editor.wait()
    left = asyncio.Event()
    await lifecycle.outlive(editor.pid, left.set)
    assert not left.is_set()
