"""How much louder memory may speak in this workspace: learned from what is typed, and without its text."""

import math
from collections.abc import Mapping, Sequence

from slm_lsp.engine.mixing import added
from slm_lsp.memory.recall import Said
from slm_lsp.memory.weights import OWN, WORKSPACE

KINDS = (WORKSPACE, OWN)

RATE = 0.03
"""Of Adagrad (Duchi et al. 2011): the first steps are about so many nats, later ones smaller.

A tenth loses a little where the fitted weights hold, so much nothing.
"""

MOST = 2.0
"""Nats that may be learned either way."""


class Learning:
    """What is added to the loudness of each kind of source, and how much was learned so far.

    `numbers` are what `numbers` of an earlier one said.
    """

    def __init__(self, numbers: Sequence[float] = (0.0,) * 4) -> None:
        self._louder, self._squares = list(numbers[:2]), list(numbers[2:])

    @property
    def louder(self) -> tuple[float, float]:
        """What is added to the loudness of each kind of source, in nats."""
        first, second = self._louder
        return first, second

    @property
    def numbers(self) -> list[float]:
        """All that is to be kept: those, and the sums of the squared slopes."""
        return [*self._louder, *self._squares]

    def learn(self, said: Sequence[Said], entropy: float, chances: Mapping[int, float], right: int) -> None:
        """Take a step towards what would have made `right`, which was typed, likelier.

        `chances` are the model's own of all tokens that were told, `entropy` is that of its distribution.
        """
        parts = added([one.remembered for one in said], entropy, chances)
        total = 1 + math.fsum(more for part in parts for more in part.values())
        known = chances.get(right, 0.0) + math.fsum(part.get(right, 0.0) for part in parts)
        for one, part in zip(said, parts, strict=True):
            slope = -math.fsum(part.values()) / total
            if right in part:
                slope += part[right] / known
            self._squares[one.kind] += slope**2
            louder = self._louder[one.kind] + RATE * slope / math.sqrt(1 + self._squares[one.kind])
            self._louder[one.kind] = max(-MOST, min(MOST, louder))
