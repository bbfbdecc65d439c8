"""Learning how loud memory may speak: towards what was typed, step by step, and never far."""

import math

import pytest

from slm_lsp.engine.interface import Remembered
from slm_lsp.engine.mixing import added
from slm_lsp.memory.learning import MOST, RATE, Learning
from slm_lsp.memory.recall import Evidence, Said
from slm_lsp.memory.weights import OWN, WORKSPACE

CHANCES = {3: 0.2, 4: 0.05, 5: 0.3}
NOTHING = Evidence(1, 1, {})


def said(workspace: float, own: float) -> list[Said]:
    return [
        Said(WORKSPACE, NOTHING, Remembered({3: 0.7, 4: 0.3}, workspace, 0.2, 0.4)),
        Said(OWN, NOTHING, Remembered({4: 0.5, 5: 0.5}, own, 0.4, 0.3)),
    ]


def likelihood(workspace: float, own: float, right: int) -> float:
    """The logarithm of the chance of `right` in the mixture; the model gives another token a tenth."""
    parts = added([one.remembered for one in said(workspace, own)], 1.5, CHANCES)
    chance = CHANCES.get(right, 0.1) + sum(part.get(right, 0.0) for part in parts)
    return math.log(chance / (1 + sum(sum(part.values()) for part in parts)))


@pytest.mark.parametrize("right", [3, 4, 5, 9])
def test_a_step_goes_the_way_that_makes_what_was_typed_likelier(right: int) -> None:
    learning, small = Learning(), 1e-5
    learning.learn(said(0.3, -0.2), 1.5, CHANCES, right)
    for kind in (WORKSPACE, OWN):
        by = [small if kind == one else 0.0 for one in (WORKSPACE, OWN)]
        up, down = (likelihood(0.3 + s * by[0], -0.2 + s * by[1], right) for s in (1, -1))
        slope = (up - down) / (2 * small)
        assert learning.louder[kind] == pytest.approx(RATE * slope / math.sqrt(1 + slope**2), abs=1e-6)


def test_a_source_that_says_nothing_is_not_judged() -> None:
    learning = Learning()
    learning.learn(said(0.3, 0.0)[:1], 1.5, CHANCES, 3)
    assert learning.louder[WORKSPACE] > 0
    assert learning.louder[OWN] == 0


def test_what_was_learned_stays_within_bounds_and_goes_on_from_where_it_was() -> None:
    learning = Learning()
    for _ in range(5000):
        learning.learn(said(0.0, 0.0), 1.5, CHANCES, 9)
    assert -MOST <= min(learning.louder) <= max(learning.louder) < -0.5
    again = Learning(learning.numbers)
    assert again.louder == learning.louder
    for one in (learning, again):
        one.learn(said(0.0, 0.0), 1.5, CHANCES, 3)
    assert again.numbers == learning.numbers
