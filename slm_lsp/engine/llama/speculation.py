"""How many tokens to draft: as many as pay, by what passes take on this machine and what was right lately."""

MOST = 15
"""Tokens drafted at once, at most."""

_PER_ROW = 0.07
"""What a further row adds to the time of a pass of one, until it has been measured."""

_RECENT = 0.2
"""Weight of the newest pass in the running mean of its length."""

_MEMORY = 0.9
"""What remains of older outcomes with every new one: the last ten or so count."""


class DraftLength:
    """Chooses the length that promises the most tokens per second.

    Each drafted token is taken to be right with the same chance, given that those before it were; the chance
    is estimated from recent outcomes, the time of a pass from earlier ones with as many rows.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._right, self._wrong = 1.0, 0.7

    def limit(self, most: int) -> int:
        """Return how many tokens to draft, from 1 to `most` (0 if that is 0)."""
        chance = self._right / (self._right + self._wrong)
        best, best_rate = 0, 0.0
        expected = power = 1.0
        for count in range(1, min(most, MOST) + 1):
            power *= chance
            expected += power
            rate = expected / self._cost(1 + count)
            if rate > best_rate:
                best, best_rate = count, rate
        return best

    def note(self, rows: int, seconds: float, right: int) -> None:
        """Take note of a pass over one token and `rows` - 1 drafts, of which the first `right` were right."""
        mean = self._seconds.get(rows, seconds)
        self._seconds[rows] = mean + _RECENT * (seconds - mean)
        if rows > 1:
            self._right = _MEMORY * self._right + right
            self._wrong = _MEMORY * self._wrong + (right < rows - 1)

    def _cost(self, rows: int) -> float:
        """Return the seconds of a pass, by the nearest number of rows that has been measured."""
        if not self._seconds:
            return 1 + _PER_ROW * (rows - 1)
        nearest = min(self._seconds, key=lambda measured: abs(measured - rows))
        return self._seconds[nearest] * (1 + _PER_ROW * (rows - 1)) / (1 + _PER_ROW * (nearest - 1))
