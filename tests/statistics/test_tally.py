import pytest

from slm_lsp.statistics.store import Count
from slm_lsp.statistics.tally import Tally, by, summary


def test_what_is_counted_is_summed_up() -> None:
    tally = Tally()
    for name, times in {
        "shown": 10,
        "accepted": 3,
        "accepted word": 2,
        "characters accepted": 30,
        "characters typed": 70,
        "answered": 20,
        "answered from the cache": 15,
        "looked 30": 4,
        "survived 30": 3,
    }.items():
        tally.count("go", name, times)
    for ms in (1, 3, 3, 90, 700):
        tally.time("go", ms)
    found = summary(tally.take())
    assert (found.shown, found.accepted, found.words) == (10, 3, 2)
    assert (found.acceptance, found.completed, found.cached) == (0.3, 0.3, 0.75)
    assert found.survived == (0.75, None, None)
    assert (found.p50_ms, found.p95_ms) == (5, 700)
    assert tally.take() == {}


def test_nothing_counted_is_no_share_of_anything() -> None:
    found = summary({})
    assert (found.acceptance, found.p50_ms, found.survived) == (None, None, (None, None, None))


@pytest.mark.parametrize("part", ["language", "day"])
def test_by_language_and_by_day(part: str) -> None:
    counts = {Count("1", "go", "shown"): 1, Count("2", "rust", "shown"): 2, Count("2", "rust", "accepted"): 1}
    found = by(counts, part)
    assert [one.shown for one in found.values()] == [1, 2]
    assert [one.accepted for one in found.values()] == [0, 1]
