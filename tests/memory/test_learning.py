"""Learning how loud memory may speak: towards what was typed, step by step, and never far."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from slm_lsp.engine.interface import Remembered
from slm_lsp.memory.kernels.plan import VOICES
from slm_lsp.memory.learning import MOST, RATE, Learning

IDS, CHANCES = np.array([3, 4, 5]), np.array([0.2, 0.05, 0.3])
SHARES = np.array([[0.7, 0.3, 0.0], [0.0, 0.5, 0.5], [0.2, 0.2, 0.2], [0.0, 0.0, 0.0]])
LOUDNESS = (0.3, -0.2, 0.1, 0.0)
DOUBT, POWER = np.array([0.2, 0.4, 0.1, 0.3]), np.array([0.4, 0.3, 0.5, 0.2])
ENTROPY = 1.5


def said(loudness: Sequence[float] = LOUDNESS) -> Remembered:
    return Remembered(IDS, SHARES, np.array(loudness), DOUBT, POWER)


def learn(learning: Learning, right: int) -> None:
    learning.learn(said(), ENTROPY, np.log(CHANCES), right)


def likelihood(loudness: Sequence[float], right: int) -> float:
    """The logarithm of the chance of `right` in the mixture; the model gives another token a tenth."""
    loud = np.exp(np.array(loudness) + DOUBT * ENTROPY)[:, None]
    more = (SHARES * loud * CHANCES ** POWER[:, None]).sum(0)
    chance = (CHANCES + more)[right == IDS].sum() if right in IDS else 0.1
    return math.log(chance / (1 + more.sum()))


@pytest.mark.parametrize("right", [3, 4, 5, 9])
def test_a_step_goes_the_way_that_makes_what_was_typed_likelier(right: int) -> None:
    learning, small = Learning(), 1e-5
    learn(learning, right)
    for voice in range(VOICES):
        up, down = (
            likelihood([one + by * (at == voice) for at, one in enumerate(LOUDNESS)], right)
            for by in (small, -small)
        )
        slope = (up - down) / (2 * small)
        assert learning.louder[voice] == pytest.approx(RATE * slope / math.sqrt(1 + slope**2), abs=1e-6)


def test_a_voice_that_says_nothing_is_not_judged() -> None:
    learning = Learning()
    learn(learning, 3)
    assert learning.louder[0] > 0
    assert learning.louder[-1] == 0


def test_what_was_learned_stays_within_bounds_and_goes_on_from_where_it_was() -> None:
    learning = Learning()
    for _ in range(5000):
        learn(learning, 9)
    assert -MOST <= min(learning.louder) <= max(learning.louder[:3]) < -0.5
    again = Learning(learning.numbers)
    assert again.louder == learning.louder
    for one in (learning, again):
        learn(one, 3)
    assert again.numbers == learning.numbers
