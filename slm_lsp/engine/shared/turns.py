"""Whose turn it is: windows take turns at one engine, a slice of time each while others wait."""

import itertools
import threading
import time
from collections.abc import Callable, Hashable

from slm_lsp.cancel import Cancelled, CancelToken

SLICE = 0.15
"""Seconds that a window's generation runs on while another one waits.

What it has read and written stays cached: going on costs one token again.
"""


STEPS = 2
"""Checks in a slice that always pass: behind the second one every engine has read or written something."""


class _Slice(CancelToken):
    """Ends a slice where the work checks, once it has had its time; never before it has come further."""

    def __init__(self, over: Callable[[], bool]) -> None:
        super().__init__()
        self._over = over

    def check(self) -> None:
        """Raise `Cancelled` if the work has been called off or its slice is over."""
        super().check()
        if self.checks > STEPS and self._over():
            raise Cancelled


class Turn:
    """A piece of work of one window. `background` work gives way soon; `whole` work is never interrupted.

    `token` stops the slice that runs, for good if `cancelled` is set.
    """

    def __init__(self, window: Hashable, *, background: bool = False, whole: bool = False) -> None:
        self.window, self.background, self.whole = window, background, whole
        self.token = CancelToken()
        self.cancelled = False

    def cancel(self) -> None:
        """Call it off."""
        self.cancelled = True
        self.token.cancel()


class Turns:
    """Chooses the next piece of work: the window first that was served the longest time ago.

    One thread takes and ends turns; any may add and cancel them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[Turn] = []
        self._running: Turn | None = None
        self._began = 0.0
        self._served: dict[Hashable, int] = {}
        self._counter = itertools.count(1)
        self._closed = False

    def add(self, turn: Turn) -> None:
        """Queue a piece of work."""
        with self._changed:
            self._waiting.append(turn)
            self._changed.notify_all()

    def take(self) -> Turn | None:
        """Return the next piece of work once there is one; None after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            turn = min(self._waiting, key=lambda one: (one.background, self._served.get(one.window, 0)))
            self._waiting.remove(turn)
            self._served[turn.window] = next(self._counter)
            self._running, self._began = turn, self._clock()
            if not turn.cancelled:
                turn.token = _Slice(lambda: self.over)
            return turn

    @property
    def over(self) -> bool:
        """Whether the running slice should end, because another window waits."""
        running = self._running
        if running is None or running.whole or not self._others(running):
            return False
        return running.background or self._clock() - self._began >= SLICE

    def ended(self) -> None:
        """Take note that the slice has ended."""
        with self._changed:
            self._running = None

    def leave(self, window: Hashable) -> None:
        """Drop a window's work."""
        with self._changed:
            for turn in [one for one in self._waiting if one.window == window]:
                self._waiting.remove(turn)
            self._served.pop(window, None)
            if self._running and self._running.window == window:
                self._running.cancel()

    def close(self) -> None:
        """Drop all work, and let `take` return."""
        with self._changed:
            self._closed = True
            if self._running:
                self._running.cancel()
            self._changed.notify_all()

    def _others(self, running: Turn) -> bool:
        return any(
            one.window != running.window and one.background <= running.background for one in self._waiting
        )
