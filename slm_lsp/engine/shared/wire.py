"""What goes over the socket: a header in JSON, and ids as they are in memory."""

import json
from array import array
from collections.abc import Sequence
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

from slm_lsp.errors import ModelError

Header = dict[str, Any]

PROTOCOL = 4
"""Changes with what the two sides say to one another: those of another number don't meet."""

LOST = (EOFError, OSError)
"""What a connection raises whose other end is gone."""


class Wire:
    """A connection that several threads may write to, and one reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, Lock()

    def send(self, header: Header, ids: Sequence[int] = ()) -> None:
        """Send a message.

        Raises:
            OSError: the other end is gone.
        """
        with self._lock:
            self._connection.send_bytes(json.dumps(header).encode())
            self._connection.send_bytes(array("i", ids).tobytes())

    def receive(self, seconds: float | None = None) -> tuple[Header, Sequence[int]] | None:
        """Return the next message, or None if none comes in time; waits for ever if no time is given.

        Raises:
            EOFError, OSError: the other end is gone.
            ModelError: what came is no message.
        """
        if not self._connection.poll(seconds):
            return None
        header, ids = self._connection.recv_bytes(), array("i")
        ids.frombytes(self._connection.recv_bytes())
        try:
            value = json.loads(header)
        except ValueError as error:
            raise ModelError("the shared engine speaks another language; end it and try again.") from error
        return value, ids

    def close(self) -> None:
        """Close this end, which whoever reads the other one notices."""
        self._connection.close()
