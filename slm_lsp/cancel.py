"""Cooperative cancellation between the event loop and the engine's thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event


class Cancelled(Exception):
    """The work was called off by whoever asked for it."""


class CancelToken:
    """A flag that one thread sets and the working thread reads between steps.

    `checks` counts how often it was read: as long as it rises, the work goes on.
    """

    def __init__(self) -> None:
        self.checks = 0
        self._event = Event()
        self._watchers: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Ask the worker to stop at its next check; safe from any thread, any number of times."""
        self._event.set()
        for watcher in tuple(self._watchers):
            watcher()

    @contextmanager
    def calling(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Call `watcher` when the work is called off within the block, or has been before.

        For work in machine code, which can't check by itself. The call comes from the cancelling thread and
        may come shortly after the block has ended.
        """
        self._watchers.append(watcher)
        try:
            if self._event.is_set():
                watcher()
            yield
        finally:
            self._watchers.remove(watcher)

    @property
    def cancelled(self) -> bool:
        """Whether the work has been called off."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the work has been called off."""
        self.checks += 1
        if self._event.is_set():
            raise Cancelled
