"""The mixture of what a model says and what is remembered.

A linear mixture (kNN-LM: Khandelwal et al. 2020) believes a memory however unlikely the model finds it, a
product of the two only what both believe; what is added here lies between them, by a fitted power.
"""

import math
from collections.abc import Mapping, Sequence

from slm_lsp.engine.interface import Remembered

FAINTEST = 1e-6
"""A chance that is less counts as so much: the model never rules out what is remembered."""

LOUDEST = 20.0
"""Nats that memory may be louder than a model that is certain: far beyond what was ever fitted."""


def added(said: Sequence[Remembered], entropy: float, chances: Mapping[int, float]) -> list[dict[int, float]]:
    """Return what each source adds to the chances of the tokens that it told (see `Remembered`).

    `chances` are the model's of all tokens that it has among these, `entropy` is that of all its chances.
    """
    found = []
    for one in said:
        weight = math.exp(min(one.loudness + one.doubt * entropy, LOUDEST))
        found.append(
            {
                id: weight * share * max(chances[id], FAINTEST) ** one.power
                for id, share in one.told.items()
                if id in chances
            }
        )
    return found
