"""How much louder memory may speak in this workspace: learned from what is typed, and without its text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.engine.mixing import mix
from slm_lsp.memory.kernels.plan import VOICES

RATE = 0.03
"""Of Adagrad (Duchi et al. 2011): the first steps are about so many nats, later ones smaller.

A tenth loses a little where the fitted weights hold, so much nothing.
"""

MOST = 2.0
"""Nats that may be learned either way."""


class Learning:
    """What is added to the loudness of each voice, and how much was learned so far.

    `numbers` are what `numbers` of an earlier one said.
    """

    def __init__(self, numbers: Sequence[float] = (0.0,) * (2 * VOICES)) -> None:
        self._louder, self._squares = np.array(numbers[:VOICES]), np.array(numbers[VOICES:])

    @property
    def louder(self) -> tuple[float, ...]:
        """What is added to the loudness of each voice, in nats."""
        return tuple(self._louder.tolist())

    @property
    def numbers(self) -> list[float]:
        """All that is to be kept: those, and the sums of the squared slopes."""
        return [*self._louder.tolist(), *self._squares.tolist()]

    def learn(self, said: Remembered, entropy: float, logs: NDArray[np.float64], right: int) -> None:
        """Take a step towards what would have made `right`, which was typed, likelier.

        `logs` are the logarithms of the model's own chances of what was told, `entropy` is that of its
        distribution.
        """
        more = mix(said, entropy, logs).more
        slopes, told = -more.sum(1) / (1 + more.sum()), said.ids == right
        if told.any():
            slopes += more[:, told][:, 0] / (float(np.exp(logs[told][0])) + more[:, told].sum())
        self._squares += slopes**2
        louder = self._louder + RATE * slopes / np.sqrt(1 + self._squares)
        self._louder = np.clip(louder, -MOST, MOST)
