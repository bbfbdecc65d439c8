from typing import Any

import numpy as np
import pytest

from slm_lsp.errors import UsageError
from slm_lsp.evaluation.compare import Difference, compare, interval
from slm_lsp.evaluation.report import Report


def run(passed: list[bool], ms: float = 10.0, **about: Any) -> Report:
    rows = [
        {"id": f"{index}", "passed": value, "logprob": None if index else -1.0, "ms": ms + index}
        for index, value in enumerate(passed)
    ]
    return Report("infilling", {"set": "single-line", "limit": 9, "seed": 0, "tasks": "t", **about}, {}, rows)


def by_metric(a: Report, b: Report) -> dict[str, Difference]:
    return {one.metric: one for one in compare(a, b)}


def test_a_large_gain_is_more_than_noise() -> None:
    found = by_metric(run([False] * 80 + [True] * 20), run([False] * 40 + [True] * 60))["passed"]
    assert (found.a, found.b, found.tasks) == (0.2, 0.6, 100)
    assert 0.3 < found.low < 0.4 < found.high < 0.51
    assert found.verdict == "better"


def test_a_small_gain_is_noise() -> None:
    found = by_metric(run([False] * 51 + [True] * 49), run([True] * 50 + [False] * 50))["passed"]
    assert found.low < 0 < found.high
    assert found.verdict == "no more than noise"


def test_pairs_tell_more_than_means() -> None:
    """The same gain of 8 in 100 is noise in unlike tasks, and none if every other task stayed the same."""
    before = [True] * 40 + [False] * 60
    assert by_metric(run(before), run([True] * 48 + [False] * 52))["passed"].verdict == "better"
    shuffled = [False] * 30 + [True] * 48 + [False] * 22
    assert by_metric(run(before), run(shuffled))["passed"].verdict == "no more than noise"


def test_less_time_is_better() -> None:
    assert by_metric(run([True] * 9, ms=20), run([True] * 9, ms=10))["ms"].verdict == "better"
    assert by_metric(run([True] * 9, ms=10), run([True] * 9, ms=20))["ms"].verdict == "worse"


def test_only_tasks_count_for_which_both_have_a_value() -> None:
    found = by_metric(run([True] * 9), run([False] * 9))
    assert found["logprob"].tasks == 1
    assert "exact" not in found


def test_the_interval_is_that_of_the_mean() -> None:
    """For many normal differences it comes to 1.96 standard errors on each side."""
    values = np.random.default_rng(1).normal(0.5, 2.0, 2000)
    low, high = interval(values, 0)
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)
    assert interval(values, 0) == (low, high)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"set": "multi-line"}, "differ in set"),
        ({"seed": 1}, "differ in seed"),
        ({"limit": None}, "differ in limit"),
        ({"tasks": "u"}, "different tasks"),
    ],
)
def test_runs_over_different_tasks_are_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compare(run([True]), run([True], **changed))


def test_runs_of_different_kinds_are_refused() -> None:
    with pytest.raises(UsageError, match="of infilling and the other of holes"):
        compare(run([True]), Report("holes", {}, {}, []))


def test_missing_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="different tasks"):
        compare(run([True]), run([True, False]))
