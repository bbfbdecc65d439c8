"""A client of a server in a process of its own, which speaks to it through pipes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.lsp.harness import Session

SERVE = (sys.executable, "-m", "slm_lsp", "serve")
SLOW = (sys.executable, "-m", "tests.process.slow_server")

NO_NETWORK = ("unshare", "-n") if os.geteuid() == 0 else ("unshare", "-rn")
"""Runs a command in a network namespace that has no interface but a loopback that is down."""


@asynccontextmanager
async def started(command: Sequence[str], errors: Path) -> AsyncIterator[Session]:
    """Start a server whose standard error goes to the file `errors`; it must have ended in the end."""
    stdin, from_client = os.pipe()
    with errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            limit=2**24,
            # A test run in the background of a shell inherits that interrupts are ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    os.close(stdin)
    assert process.stdout is not None
    client = Session(process.stdout, from_client)
    listening = asyncio.ensure_future(client.listen())
    client.exit_code = asyncio.ensure_future(process.wait())
    client.pid = process.pid
    try:
        yield client
    finally:
        if process.returncode is None:
            process.kill()
        await client.exit_code
        await listening
        if client._fd >= 0:
            client.hang_up()
