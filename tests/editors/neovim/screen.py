"""What Neovim draws, from the events of its protocol for user interfaces: every frame, with its time."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 90, 24

Cell = tuple[str, int]
"""What stands in a cell, and the id of its highlight; a wide character leaves the next cell empty."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The screen at a time, which is that of `time.perf_counter`."""

    when: float
    cells: tuple[tuple[Cell, ...], ...]
    cursor: tuple[int, int]

    def line(self, row: int) -> str:
        """Return the text of a row of the screen."""
        return "".join(text for text, _ in self.cells[row]).rstrip()

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.line(row) for row in range(len(self.cells)))


def connected(path: Path) -> socket.socket | None:
    """Return a connection to what listens at `path`; None while nothing does, be there a file or not."""
    found = socket.socket(socket.AF_UNIX)
    try:
        found.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        found.close()
        return None
    return found


class Screen:
    """A user interface of the Neovim at the other end of a connection: keeps all frames, in a thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._cells: list[list[Cell]] = [[(" ", 0)] * WIDTH for _ in range(HEIGHT)]
        self._cursor = (0, 0)
        self.styles: dict[int, dict[str, Any]] = {}
        self.colours: dict[str, int] = {}
        self.frames: list[Frame] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wait(self, wanted: Callable[[Frame], bool], since: int = 0, timeout: float = 60.0) -> Frame:
        """Return the first frame that is as wanted, of those from number `since` on.

        Raises:
            TimeoutError: none came in time; it says what is on the screen.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for frame in self.frames[since:]:
                    if wanted(frame):
                        return frame
                since = len(self.frames)
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"not on the screen in time:\n{self.frames[-1].text}")

    def close(self) -> None:
        """Wait until Neovim has ended."""
        self._thread.join(timeout=10)
        self._socket.close()

    def _follow(self) -> None:
        import msgpack  # only `.ci/editors` installs it

        attach = [2, "nvim_ui_attach", [WIDTH, HEIGHT, {"rgb": True, "ext_linegrid": True}]]
        self._socket.sendall(msgpack.packb(attach))
        messages = msgpack.Unpacker()
        while data := self._socket.recv(2**16):
            messages.feed(data)
            for _, name, batches in messages:
                self._notified(name, batches)

    def _notified(self, name: str, batches: Sequence[Sequence[Any]]) -> None:
        for event, *calls in batches if name == "redraw" else ():
            handler = getattr(self, f"_{event}", None)
            for call in calls if handler else ():
                handler(*call)  # type: ignore[misc]

    def _grid_line(self, _grid: int, row: int, column: int, cells: Sequence[Sequence[Any]], *_: Any) -> None:
        style = 0
        for text, *rest in cells:
            style = rest[0] if rest else style
            for _time in range(rest[1] if len(rest) > 1 else 1):
                self._cells[row][column] = (text, style)
                column += 1

    def _grid_clear(self, _grid: int) -> None:
        self._cells = [[(" ", 0)] * WIDTH for _ in range(HEIGHT)]

    def _grid_scroll(
        self, _grid: int, top: int, bottom: int, left: int, right: int, rows: int, *_: int
    ) -> None:
        moved = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in moved:
            self._cells[row][left:right] = self._cells[row + rows][left:right]

    def _grid_cursor_goto(self, _grid: int, row: int, column: int) -> None:
        self._cursor = (row, column)

    def _hl_attr_define(self, number: int, style: dict[str, Any], *_: Any) -> None:
        self.styles[number] = style

    def _default_colors_set(self, foreground: int, background: int, *_: Any) -> None:
        self.colours = {"foreground": foreground, "background": background}

    def _flush(self) -> None:
        frame = Frame(time.perf_counter(), tuple(map(tuple, self._cells)), self._cursor)
        with self._news:
            self.frames.append(frame)
            self._news.notify_all()
