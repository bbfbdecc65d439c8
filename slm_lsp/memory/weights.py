"""How loud memory may speak, by where it remembers, how long the match is and how much it agrees."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

WORKSPACE, OWN = 0, 1
"""The kinds of sources: the other files, and the file itself."""

FAMILIES = {
    "c": "cpp",
    "javascript": "typescript",
    "javascriptreact": "typescript",
    "typescriptreact": "typescript",
}
"""Languages that take the weights of another, on whose code they were fitted."""

Fitted = Sequence[tuple[Sequence[float], Sequence[float]]]
"""Offsets and factors (see `Weights`) of each kind of source."""

MOST = 0.97
"""The share that memory gets at most: the model is never silenced."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic model for each kind of source: an offset for each length, and factors of what is known.

    The factors are those of the logarithm of the places, of the likeliest token's share, of the logarithm of
    the number of different tokens, and of the entropy of the model's own distribution.
    `slm-lsp eval memory` fits them.
    """

    fitted: Fitted

    def of(self, kind: int, length: int, features: Sequence[float]) -> float:
        """Return the share of the probability that goes to what followed a match, from 0 to `MOST`."""
        offsets, (a, b, c, d) = self.fitted[kind]
        places, top, different, entropy = features
        odds = offsets[length - 1] + a * places + b * top + c * different + d * entropy
        return min(MOST, 1 / (1 + math.exp(-odds))) if odds > -700 else 0.0

    @classmethod
    def for_language(cls, language: str) -> Self:
        """Return what was fitted for a language, or for all together if it was not among them."""
        table = shipped()
        return cls(table.get(FAMILIES.get(language, language), table["all"]))


@cache
def shipped() -> dict[str, Fitted]:
    """Return what was fitted for languages, and under "all" for all of them together."""
    table: dict[str, Fitted] = json.loads((files(__package__) / "weights.json").read_text("utf-8"))
    return table
