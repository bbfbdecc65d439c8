"""Counting what happens, and summing up what was counted."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from slm_lsp.statistics.store import Count

BOUNDS = (2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000, 10000)
"""Upper bounds in ms of the classes into which times are counted; the last class is what takes longer."""

SURVIVAL = (30, 120, 600)
"""Seconds after which it is looked whether what was accepted is still there."""

_CLASS = "ms<="


class Tally:
    """Counts until they are taken to the store."""

    def __init__(self) -> None:
        self._counts: Counter[Count] = Counter()

    def count(self, language: str, name: str, by: int = 1) -> None:
        """Count something that happened."""
        self._counts[Count(datetime.now(UTC).date().isoformat(), language, name)] += by

    def time(self, language: str, ms: float) -> None:
        """Count how long something took."""
        index = bisect_left(BOUNDS, ms)
        self.count(language, f"{_CLASS}{BOUNDS[index] if index < len(BOUNDS) else 'more'}")

    def take(self) -> dict[Count, int]:
        """Return what was counted since this was last asked."""
        taken, self._counts = dict(self._counts), Counter()
        return taken

    def put_back(self, counts: Mapping[Count, int]) -> None:
        """Take back what could not be written, to be taken again later."""
        self._counts.update(counts)


@dataclass(frozen=True, slots=True)
class Summary:
    """What was counted, summed up; shares are from 0 to 1, None where there is nothing to share.

    `survived` are the shares of what was accepted that was still there after the times in `SURVIVAL`. The
    times in ms are the upper bounds of their classes.
    """

    shown: int
    accepted: int
    words: int
    lines: int
    rejected: int
    acceptance: float | None
    completed: float | None
    cached: float | None
    survived: tuple[float | None, ...]
    p50_ms: float | None
    p95_ms: float | None


def summary(counts: Mapping[Count, int]) -> Summary:
    """Sum up counts."""
    sums: Counter[str] = Counter()
    for one, value in counts.items():
        sums[one.name] += value
    written = sums["characters accepted"]
    return Summary(
        shown=sums["shown"],
        accepted=sums["accepted"],
        words=sums["accepted word"],
        lines=sums["accepted line"],
        rejected=sums["rejected"],
        acceptance=_share(sums["accepted"], sums["shown"]),
        completed=_share(written, written + sums["characters typed"]),
        cached=_share(sums["answered from the cache"], sums["answered"]),
        survived=tuple(_share(sums[f"survived {s}"], sums[f"looked {s}"]) for s in SURVIVAL),
        p50_ms=_quantile(sums, 0.5),
        p95_ms=_quantile(sums, 0.95),
    )


def by(counts: Mapping[Count, int], part: str) -> dict[str, Summary]:
    """Sum up by "language" or by "day", in order."""
    keys: Iterable[str] = sorted({getattr(one, part) for one in counts})
    return {
        key: summary({one: value for one, value in counts.items() if getattr(one, part) == key})
        for key in keys
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _quantile(sums: Mapping[str, int], share: float) -> float | None:
    classes = [(bound, sums.get(f"{_CLASS}{bound}", 0)) for bound in BOUNDS]
    classes.append((BOUNDS[-1], sums.get(f"{_CLASS}more", 0)))
    left = share * sum(count for _, count in classes)
    if not left:
        return None
    for bound, count in classes:
        left -= count
        if left <= 0:
            return float(bound)
    return float(BOUNDS[-1])
