"""Whether one run is better than another, or only luckier."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import UsageError
from slm_lsp.evaluation.report import Report

RESAMPLES = 10_000

METRICS = {
    "infilling": ("passed", "exact", "parses", "ended", "logprob", "tokens", "ms"),
    "holes": ("exact", "similarity", "identifiers", "shown", "parses", "no_worse", "logprob", "tokens", "ms"),
}
"""The metrics of each kind of report."""

LOWER_IS_BETTER = frozenset(("tokens", "ms"))

_SAME = ("set", "limit", "languages", "holes", "seed")
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric over the tasks for which both runs have a value.

    `a` and `b` are means; `low` and `high` the 95% interval of `b` less `a`.
    """

    metric: str
    tasks: int
    a: float
    b: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the difference is more than noise."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """Return in words what the difference is worth."""
        if not self.significant:
            return "no more than noise"
        return "worse" if (self.b < self.a) != (self.metric in LOWER_IS_BETTER) else "better"


def compare(a: Report, b: Report, only: tuple[str, str] | None = None, seed: int = 0) -> list[Difference]:
    """Compare two runs over the same tasks, metric by metric; over those `only` whose column has a value.

    Raises:
        UsageError: they measured different things.
    """
    if a.kind != b.kind or a.kind not in METRICS:
        raise UsageError(f"one file is of {a.kind} and the other of {b.kind}; compare two of a kind.")
    for name in _SAME:
        if a.about.get(name) != b.about.get(name):
            raise UsageError(
                f"the files differ in {name} ({a.about.get(name)} and {b.about.get(name)}); "
                "measure both with the same."
            )
    first, second = ({row["id"]: row for row in report.rows} for report in (a, b))
    if a.about.get("tasks") != b.about.get("tasks") or first.keys() != second.keys():
        raise UsageError(
            "the files are of different tasks, because the code changed in between; measure both again."
        )
    differences = []
    for metric in METRICS[a.kind]:
        pairs = [
            (row.get(metric), second[id].get(metric))
            for id, row in first.items()
            if only is None or row.get(only[0]) == only[1]
        ]
        values = np.array([pair for pair in pairs if None not in pair], dtype=float)
        if len(values):
            low, high = interval(values[:, 1] - values[:, 0], seed)
            one, other = values.mean(axis=0)
            differences.append(Difference(metric, len(values), float(one), float(other), low, high))
    return differences


def interval(differences: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of the mean of paired differences [n].

    Tasks are drawn with replacement `RESAMPLES` times (Efron and Tibshirani 1993, chapter 13).
    """
    rng = np.random.default_rng(seed)
    count = len(differences)
    # In chunks, because all draws of 5,815 tasks at once would take half a gigabyte.
    means = [
        differences[rng.integers(0, count, (_CHUNK, count))].mean(axis=1) for _ in range(RESAMPLES // _CHUNK)
    ]
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return float(low), float(high)
