"""What only a process of its own can show: how it starts, what it prints, and how it ends."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lsp.fakes import PATIENCE, eventually
from tests.lsp.harness import Json, Session
from tests.process.harness import SERVE, SLOW, started

pytestmark = pytest.mark.process


async def ended(client: Session) -> int:
    """Return the exit code of a server that is to end by itself."""
    async with asyncio.timeout(PATIENCE):
        return await client.exit_code


async def test_what_a_library_prints_goes_to_standard_error(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    async with started(SLOW, errors) as client:
        await client.ready()
        client.open("")
        assert (await client.inline().result())["items"]
        assert await client.leave() == 0
    for source in ("Python", "C", "a child"):
        assert f"noise on standard output from {source}" in errors.read_text()


async def test_questions_are_answered_while_a_long_completion_runs(tmp_path: Path) -> None:
    async with started(SLOW, tmp_path / "errors") as client:
        await client.ready()
        client.open("", language="slow")
        long = client.inline()
        for _ in range(5):
            await client.status()
        assert long.id not in client.replies
        client.notify("$/cancelRequest", {"id": long.id})
        assert (await long.error())["code"] == -32800
        assert await client.leave() == 0
    assert len(client.replies) == len(set(client.replies))


async def test_the_end_of_input_ends_the_process(tmp_path: Path) -> None:
    async with started(SLOW, tmp_path / "errors") as client:
        await client.ready()
        client.hang_up()
        assert await ended(client) == 1


async def test_the_death_of_the_editor_ends_the_process(tmp_path: Path) -> None:
    """Its input stays open here, as when the editor's own child holds it."""
    editor = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(600)")
    async with started(SLOW, tmp_path / "errors") as client:
        await client.ready(processId=editor.pid)
        editor.kill()
        await editor.wait()
        assert await ended(client) == 1


async def test_exit_without_shutdown_is_a_failure(tmp_path: Path) -> None:
    async with started(SLOW, tmp_path / "errors") as client:
        await client.ready()
        client.notify("exit")
        assert await ended(client) == 1


@pytest.mark.parametrize("argument", ["quick", "stuck"])
async def test_ctrl_c_is_exit_code_130(tmp_path: Path, argument: str) -> None:
    async with started((*SLOW, argument), tmp_path / "errors") as client:
        await client.initialize()
        os.kill(client.pid, signal.SIGINT)
        assert await ended(client) == 130


async def test_a_load_that_hangs_does_not_hold_the_process(tmp_path: Path) -> None:
    """A thread in native code can't be interrupted, and Python would wait for it at the end."""
    errors = tmp_path / "errors"
    async with started((*SLOW, "stuck"), errors) as client:
        await client.initialize()
        await eventually(lambda: "from a child" in errors.read_text())
        client.open("")
        assert await client.inline().result() == {"items": []}
        assert await client.leave() == 0


async def test_initialize_is_answered_before_torch_is_imported(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    command = (sys.executable, "-X", "importtime", *SERVE[1:])
    async with started(command, errors) as client:
        params: Json = {"processId": None, "rootUri": None, "capabilities": {}}
        await client.request("initialize", params).result()
        assert await client.leave() == 0
    imported = {line.rpartition("|")[2].strip() for line in errors.read_text().splitlines()}
    assert "pygls.lsp.server" in imported
    assert not imported & {"torch", "transformers", "llvmlite", "rich"}


async def test_a_model_that_is_not_there_is_told_to_the_user(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    async with started((*SERVE, "--model", "/no/such/model"), errors) as client:
        await client.initialize()
        await client.until(lambda: client.of("window/showMessage"))
        (message,) = client.of("window/showMessage")
        assert message["type"] == 1
        assert "/no/such/model" in message["message"]
        assert "\n" not in message["message"]
        client.open("")
        assert await client.inline().result() == {"items": []}
        assert await client.leave() == 0
    assert "Traceback" not in errors.read_text()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        (sys.executable, "-m", "slm_lsp", *arguments),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [(), ("serve",), ("serve", "--stdio"), ("--stdio",)])
def test_without_an_editor_the_server_leaves_at_once(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_remote_address_must_be_wanted() -> None:
    done = run("serve", "--tcp", "0.0.0.0:0")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--allow-remote" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_tcp_says_where_it_listens(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    command = (*SERVE, "--tcp", "127.0.0.1:0", "--model", "/no/such/model")
    async with started(command, errors) as process:
        await eventually(lambda: "listening on" in errors.read_text())
        port = int(errors.read_text().strip().rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'{"jsonrpc": "2.0", "method": "exit"}'
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert await ended(process) == 1
