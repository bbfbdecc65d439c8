"""Cooperative cancellation between the event loop and the engine's thread."""

from threading import Event


class Cancelled(Exception):
    """The work was called off by whoever asked for it."""


class CancelToken:
    """A flag that one thread sets and the working thread reads between steps."""

    def __init__(self) -> None:
        self._event = Event()

    def cancel(self) -> None:
        """Ask the worker to stop at its next check; safe from any thread, any number of times."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work has been called off."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the work has been called off."""
        if self._event.is_set():
            raise Cancelled
