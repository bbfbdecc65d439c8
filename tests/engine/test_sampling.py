"""Drawing tokens, beside what transformers' own logits processors leave to be drawn."""

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from slm_lsp.engine.interface import Sampling
from slm_lsp.engine.sampling import Sampler

LOGITS = np.random.default_rng(3).normal(0, 3, 200).astype(np.float32)


def drawn(sampling: Sampling, count: int = 2000) -> list[int]:
    sampler = Sampler(sampling)
    return [sampler.draw(LOGITS) for _ in range(count)]


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(1.0, 0, 1.0), (0.7, 5, 1.0), (1.5, 0, 0.6), (0.8, 20, 0.8)]
)
def test_what_may_be_drawn_is_what_transformers_leaves(temperature: float, top_k: int, top_p: float) -> None:
    scores = torch.from_numpy(LOGITS)[None]
    ids = torch.zeros(1, 1, dtype=torch.int64)
    scores = TemperatureLogitsWarper(temperature)(ids, scores)
    scores = TopKLogitsWarper(top_k)(ids, scores) if top_k else scores
    scores = TopPLogitsWarper(top_p)(ids, scores)
    expected = scores[0].softmax(-1).numpy()
    found = np.bincount(drawn(Sampling(temperature, top_k, top_p)), minlength=len(LOGITS)) / 2000
    assert not found[expected == 0].any()
    # Five standard deviations of a share of 2,000 draws.
    assert np.abs(found - expected).max() < 5 * 0.5 / 2000**0.5


def test_a_seed_draws_the_same_again() -> None:
    assert drawn(Sampling(1.0, seed=1), 50) == drawn(Sampling(1.0, seed=1), 50)
    assert drawn(Sampling(1.0, seed=1), 50) != drawn(Sampling(1.0, seed=2), 50)
