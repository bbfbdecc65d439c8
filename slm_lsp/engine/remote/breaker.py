"""A circuit breaker: a server that failed several times is left alone for a while."""

import threading
import time
from collections.abc import Callable

from slm_lsp.errors import EndpointError

FAILURES = 3
"""Failures in a row after which the server is left alone."""

REST, LONGEST_REST = 5.0, 60.0
"""Seconds that it is left alone first, and at most; every further failure doubles them."""


class Breaker:
    """Counts failures in a row; safe from any thread.

    While it is open nothing is asked. Then one request tries, and its outcome closes or opens it again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._reason = ""

    @property
    def reason(self) -> str:
        """What went wrong last; "" while all is well."""
        return self._reason

    @property
    def open(self) -> bool:
        """Whether nothing is asked just now."""
        return self._clock() < self._until

    def check(self) -> None:
        """Raise `EndpointError` while it is open."""
        if self.open:
            left = self._until - self._clock()
            raise EndpointError(f"{self._reason}; it is asked again in {left:.0f} s.")

    def failed(self, reason: str) -> None:
        """Take note of a failure."""
        with self._lock:
            self._failures += 1
            self._reason = reason
            if self._failures >= FAILURES:
                rest = min(REST * 2 ** min(self._failures - FAILURES, 10), LONGEST_REST)
                self._until = self._clock() + rest

    def worked(self) -> None:
        """Take note of an answer."""
        with self._lock:
            self._failures, self._until, self._reason = 0, 0.0, ""
