"""Staying alive no longer than the editor, and keeping standard output for the protocol alone."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

import psutil

log = logging.getLogger(__name__)

WATCH_SECONDS = 2.0
"""How often the editor's process is looked at."""

GRACE_SECONDS = 2.0
"""How long the engine's thread may take to come to its end when the server leaves."""


def claim_stdio() -> tuple[int, int]:
    """Take standard input and output for the protocol, and return their new file descriptors.

    Whatever any library reads from then on is empty, and whatever it prints, natively or from Python,
    goes to standard error.
    """
    stdin, stdout = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return stdin, stdout


async def outlive(pid: int, leave: Callable[[], None]) -> None:
    """Call `leave` once the process `pid`, the editor, is gone.

    A process that can't be seen at the start lives in another container: the end of the connection tells
    of its death.
    """
    try:
        editor = psutil.Process(pid)
    except psutil.NoSuchProcess:
        log.info("the editor's process %d can't be seen from here", pid)
        return
    while _alive(editor):  # noqa: ASYNC110
        await asyncio.sleep(WATCH_SECONDS)  # no event tells of another process's end on every system
    log.info("the editor is gone")
    leave()


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def finish(code: int) -> None:
    """End the process with `code`, without waiting for a thread that can't be interrupted.

    The engine may be in the middle of a forward pass or of reading a large model; nothing of either is
    worth keeping.
    """
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logging.shutdown()
                sys.stderr.flush()
                os._exit(code)
    sys.exit(code)
