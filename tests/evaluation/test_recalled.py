"""Fitting how loud memory may speak: the mixture is the product's own, and what is right becomes louder."""

import math
import random
from pathlib import Path

import numpy as np
import pytest

from slm_lsp.engine.interface import Decoding
from slm_lsp.engine.outlook import Outlook, Writing
from slm_lsp.evaluation.holes import tasks
from slm_lsp.evaluation.recalled import Heard, Observation, fit, heard, losses, observe
from slm_lsp.memory.kernels.plan import LONGEST, VOICES
from slm_lsp.memory.lookup import Source
from slm_lsp.memory.recall import Recall
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import WORKSPACE, Weights, shipped
from tests.evaluation.doubled import doubled

KNOWN = (1.0, 0.8, 0.7, 0.5)


def observations(count: int, right: float) -> list[Observation]:
    """Tokens of which memory tells one after matches of four tokens, and the model gives each a tenth."""
    rng, length = random.Random(2), tuple(float(at == 3) for at in range(LONGEST))
    return [
        Observation(
            at // 10,
            "python",
            0.1,
            (Heard(WORKSPACE, (*length, *KNOWN, 2.0), (1.0,), (0.1,), (rng.random() < right,)),),
        )
        for at in range(count)
    ]


def loudness(weights: Weights) -> float:
    row = weights.table[WORKSPACE]
    return float(row[3] + row[LONGEST:] @ KNOWN)


def test_the_mixture_is_that_of_the_decode_loop() -> None:
    files = Segment.build({"a": [1, 2, 3, 4], "b": [9, 3, 5]}, 50)
    own = Segment.build({"c": [3, 4, 6, 3, 7]}, 50)
    everywhere, here = Source(files, np.ones(2)), Source(own, np.ones(1))
    recall = Recall([2, 3], [everywhere], [here], Weights.for_language("python"), 50)
    logits = np.random.default_rng(0).normal(0, 2, 50).astype(np.float32)
    chances = np.exp(logits.astype(np.float64))
    chances /= chances.sum()
    entropy, right = float(-(chances * np.log(chances)).sum()), 4
    total = float(np.log(np.exp(logits.astype(np.float64)).sum()))
    ahead = Outlook(logits, int(logits.argmax()), total, entropy)
    tokens = ahead.likeliest(Writing(Decoding(1, memory=recall)), 50)
    said = recall.said_after()
    assert {one.voice for one in said} == set(range(VOICES))
    listened = tuple(heard(one, entropy, dict(enumerate(chances)), {right}) for one in said)
    observed = [Observation(hole, "python", chances[right], listened) for hole in range(5)]
    found = losses(observed, shipped())["all"]
    (expected,) = (token.logprob for token in tokens if token.id == right)
    assert found.shipped == pytest.approx(-expected, abs=1e-5)
    assert found.alone == pytest.approx(-math.log(chances[right]))


def test_memory_that_is_right_becomes_louder_and_one_that_is_wrong_falls_silent() -> None:
    usual, right, wrong = Weights.for_language("python"), observations(2000, 0.9), observations(2000, 0.02)
    louder, lower = (Weights(fit(some, shipped())["python"]) for some in (right, wrong))
    assert loudness(lower) < loudness(usual) < loudness(louder)
    for some in (right, wrong):
        worth = losses(some, shipped())["python"]
        assert worth.fitted < worth.shipped


def test_a_language_with_little_code_has_no_weights_of_its_own() -> None:
    assert fit(observations(100, 0.5), shipped()).keys() == {"all"}


@pytest.mark.model
def test_what_stands_in_holes_is_likelier_with_memory(tmp_path: Path) -> None:
    with doubled(tmp_path, 8) as (loaded, plan):
        found = [one for hole in observe(loaded, plan, tasks(plan)) for one in hole]
    assert {one.hole for one in found} == set(range(8))
    worth = losses(found, shipped())["all"]
    assert worth.shipped < worth.alone
    # There are fewer files than ten.
    none, *more = worth.smaller
    assert more == pytest.approx([worth.shipped] * 3)
    assert worth.shipped < none
