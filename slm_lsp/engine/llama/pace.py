"""How many threads a narrow pass should run on, found by trying."""

SMOOTHING = 0.2
"""Weight of the newest time in the running mean: a few passes are enough to see that a build has begun."""

PROBE = 24
"""Every so many passes the other choice is tried again: it costs little, and sees that a build has ended."""


class Pace:
    """Chooses between one thread and all of them by the time that passes took lately.

    A pass over one token meets its threads several hundred times in some 20 ms. On an idle machine that
    halves its time; on a busy one the threads wait for each other's turn on a processor, and one alone was
    measured to be up to ten times as fast as two.
    """

    def __init__(self, threads: int) -> None:
        self._mean: dict[int, float | None] = {threads: None, 1: None}
        self._passes = 0

    def choose(self) -> int:
        """Return the threads for the next pass."""
        untried = [threads for threads, mean in self._mean.items() if mean is None]
        if untried:
            return untried[0]
        self._passes += 1
        ordered = sorted(self._mean, key=lambda threads: self._mean[threads] or 0.0)
        return ordered[-1] if self._passes % PROBE == 0 else ordered[0]

    def note(self, threads: int, seconds: float) -> None:
        """Take note of what a pass on `threads` threads took."""
        mean = self._mean[threads]
        self._mean[threads] = seconds if mean is None else mean + SMOOTHING * (seconds - mean)
