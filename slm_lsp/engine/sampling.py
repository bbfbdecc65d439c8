"""Drawing the next token instead of taking the likeliest, as transformers' `generate` does it."""

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Sampling


class Sampler:
    """Draws the tokens of one text."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._random = np.random.default_rng(sampling.seed)

    def draw(self, logits: NDArray[np.float32]) -> int:
        """Return the place of one of the logits [choices]."""
        options = self._sampling
        scaled = logits.astype(np.float64) / options.temperature
        order = np.argsort(-scaled, kind="stable")[: options.top_k or None]
        chances = np.exp(scaled[order] - scaled[order[0]])
        chances /= chances.sum()
        # The one that reaches `top_p` still belongs to them.
        kept = np.cumsum(chances) - chances < options.top_p
        kept[0] = True
        order, chances = order[kept], chances[kept]
        return int(self._random.choice(order, p=chances / chances.sum()))
