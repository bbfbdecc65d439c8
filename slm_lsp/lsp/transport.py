"""Carrying one session over standard input and output, or over TCP."""

import asyncio
import logging
import os
import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from io import BufferedWriter
from typing import TYPE_CHECKING

from slm_lsp.errors import SlmLspError
from slm_lsp.lsp.session import Server

if TYPE_CHECKING:
    from pygls.io_ import AsyncWriter, Writer

log = logging.getLogger(__name__)

CHUNK = 65536
"""Bytes read from standard input at once."""

ADMISSION_SECONDS = 10.0
"""Time that whoever connects has to give the token."""

WAITING = 8
"""Connections that wait while another one has not given the token yet."""


LONGEST_BODY = 256_000_000
"""Bytes of a message; a header that announces more is taken for noise."""

_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,12})[ \t]*\r?\n$", re.IGNORECASE)


async def bodies(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the bodies of messages until the input ends.

    What is no header is passed over up to the next one, also where that follows a body which was longer than
    announced. (pygls ends the session at a long line, and loses its place after a wrong length.)
    """
    length = None
    while True:
        # An asynchronous handler begins in a task. Were the next message, an edit, handled before that, a
        # completion would be about a text that the client had not yet when it asked.
        await asyncio.sleep(0)
        try:
            line = await reader.readline()
        except ValueError:
            continue  # longer than the reader's limit, and dropped by it
        if not line:
            return
        if match := _LENGTH.search(line):
            length = int(match[1])
            if length > LONGEST_BODY:
                log.warning("a message of %d bytes was announced, and is passed over", length)
                length = None
        elif length is not None and not line.strip():
            body, length = await reader.readexactly(length), None
            yield body


class PipeWriter:
    """Writes to a pipe; tells `lost` if nobody reads it any more."""

    def __init__(self, fd: int, lost: Callable[[], None]) -> None:
        self._out: BufferedWriter = os.fdopen(fd, "wb")
        self._lost = lost

    def write(self, data: bytes) -> None:
        """Write all of `data`, at once."""
        try:
            self._out.write(data)
            self._out.flush()
        except (OSError, ValueError):
            self._lost()

    def close(self) -> None:
        """Close the pipe."""
        with suppress(OSError):
            self._out.close()


async def serve_pipes(server: Server, stdin: int, stdout: int) -> int:
    """Serve one client over two file descriptors; return the process's exit code."""
    reader = asyncio.StreamReader()
    # A daemon thread, and no buffered file: the process can end while the thread waits for input.
    pump = threading.Thread(
        target=_pump, args=(stdin, reader, asyncio.get_running_loop()), name="slm-stdin", daemon=True
    )
    pump.start()
    writer = PipeWriter(stdout, server.leave)
    try:
        await converse(server, reader, writer)
    finally:
        _close(server)
        writer.close()
    return _exit_code(server)


async def serve_tcp(server: Server, host: str, port: int, listening: Callable[[str, int], None]) -> int:
    """Serve the first client that connects, and gives the token if there is one; return the exit code.

    `listening` is told the address, with the port that the system chose if `port` is 0.

    Raises:
        SlmLspError: the address can't be listened on.
    """
    clients: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue(WAITING)

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if clients.full():
            writer.close()
        else:
            clients.put_nowait((reader, writer))

    try:
        listener = await asyncio.start_server(connect, host, port)
    except OSError as error:
        raise SlmLspError(f"{host}:{port} can't be listened on: {error.strerror}; choose another.") from error
    listening(*listener.sockets[0].getsockname()[:2])
    try:
        while True:
            reader, writer = await clients.get()
            try:
                await converse(server, reader, writer, listener.close)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            if server.admitted.is_set():
                return _exit_code(server)
            log.warning("a connection without the right token was closed")
            server.left.clear()
    finally:
        listener.close()
        while not clients.empty():
            clients.get_nowait()[1].close()
        _close(server)


async def converse(
    server: Server,
    reader: asyncio.StreamReader,
    writer: "Writer | AsyncWriter",
    admitted: Callable[[], None] = lambda: None,
) -> None:
    """Speak with one client until one of both leaves, or it has not been admitted in time."""
    server.protocol.set_writer(writer)

    async def read() -> None:
        async for body in bodies(reader):
            server.protocol.take(body)

    reading = asyncio.ensure_future(read())
    leaving, admission = (asyncio.ensure_future(one.wait()) for one in (server.left, server.admitted))
    try:
        await asyncio.wait(
            {reading, leaving, admission}, timeout=ADMISSION_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if server.admitted.is_set():
            admitted()
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done() and (error := reading.exception()):
            log.warning("the connection broke: %s", error)
    finally:
        for task in (reading, leaving, admission):
            task.cancel()


def _close(server: Server) -> None:
    server.statistics.stop()
    server.service.close()


def _exit_code(server: Server) -> int:
    return 0 if server.protocol.shut_down else 1


def _pump(fd: int, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
    with suppress(RuntimeError):  # the loop is closed: the server has left
        try:
            while chunk := os.read(fd, CHUNK):
                loop.call_soon_threadsafe(reader.feed_data, chunk)
        except OSError as error:
            log.debug("standard input broke: %s", error)
        loop.call_soon_threadsafe(reader.feed_eof)
