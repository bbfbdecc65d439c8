"""How fast the user types and the machine completes, and how long to wait before asking it."""

SLOW = 1.5
"""Seconds from which a pause is no part of typing, but of thinking."""

HELD, LULL = 0.08, 0.12
"""Seconds: whoever types as fast as the first reads nothing, until there is a pause as long as the second."""

LONGEST_WAIT = 0.4
"""Seconds that a request waits at most."""

WEIGHT = 0.25
"""Of the newest value in the running means."""


class Rhythm:
    """Running means of the pauses between edits and of the times of completions, in seconds.

    Whoever stops to think is answered at once. In the middle of a burst it depends on the machine: one that
    answers within a pause begins at once; one that does not would only be called off again, so it waits until
    the pause is longer than the others.
    """

    def __init__(self) -> None:
        self._pause = 0.25
        self._completion = 0.0
        self._last = float("-inf")
        self._burst = False
        self._quick = False

    def edited(self, now: float) -> None:
        """Take note of an edit."""
        pause = now - self._last
        self._burst = pause < SLOW
        if self._burst:
            self._pause += WEIGHT * (pause - self._pause)
        self._quick = pause < HELD
        self._last = now

    def completed(self, seconds: float) -> None:
        """Take note of how long a completion took."""
        self._completion += (WEIGHT if self._completion else 1.0) * (seconds - self._completion)

    def wait(self, now: float) -> float:
        """Return the seconds to wait before the engine is asked."""
        if self._quick:
            return max(0.0, LULL - (now - self._last))
        if not self._burst or self._completion <= self._pause:
            return 0.0
        return min(max(0.0, 1.2 * self._pause - (now - self._last)), LONGEST_WAIT)
