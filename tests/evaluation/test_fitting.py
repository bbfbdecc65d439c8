import random

import pytest

from slm_lsp.completion.confidence import FEATURES
from slm_lsp.errors import UsageError
from slm_lsp.evaluation.fitting import fit, trade_offs
from slm_lsp.evaluation.report import Row


def rows(count: int) -> list[Row]:
    """Holes that are right the likelier, the higher their second feature is, and whatever the third is."""
    rng = random.Random(1)
    found = []
    for _ in range(count):
        values = [1.0, rng.uniform(-3, 0), *(rng.gauss(0, 1) for _ in range(len(FEATURES) - 2))]
        found.append({"features": values, "finished": rng.random() < 1 + values[1] / 3})
    return found


def test_weights_show_what_matters() -> None:
    weights = fit(rows(400))
    assert len(weights) == len(FEATURES)
    assert weights[1] > 1
    assert max(map(abs, weights[2:])) < 0.5


def test_eagerness_trades_precision_for_more() -> None:
    reserved, eager = trade_offs(rows(400), (30, 90))
    assert reserved.shown < eager.shown
    assert reserved.precision > eager.precision
    assert reserved.kept < eager.kept


def test_too_few_holes_say_nothing() -> None:
    with pytest.raises(UsageError):
        fit(rows(10))
