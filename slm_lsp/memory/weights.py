"""How loud memory may speak, by where it remembers, how long the match is and how much it agrees."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple, Self

from slm_lsp.engine.interface import Remembered

WORKSPACE, OWN = 0, 1
"""The kinds of sources: the other files, and the file itself."""

FAMILIES = {
    "c": "cpp",
    "javascript": "typescript",
    "javascriptreact": "typescript",
    "typescriptreact": "typescript",
}
"""Languages that take the weights of another, on whose code they were fitted."""


class Fitted(NamedTuple):
    """What was fitted for one kind of source.

    Its loudness is the offset of the match's length, and factors times what else is known: the logarithm of
    the places, the likeliest token's share, the logarithm of the number of different tokens; the last factor
    is that of the entropy of the model's own distribution. `power` is that of the model's chance.
    """

    offsets: Sequence[float]
    factors: Sequence[float]
    power: float


@dataclass(frozen=True, slots=True)
class Weights:
    """What was fitted for each kind of source (`slm-lsp eval memory` does), and what was learned since.

    `learned` is added to the loudness of each kind.
    """

    fitted: Sequence[Fitted]
    learned: Sequence[float] = (0.0, 0.0)

    def remembered(
        self, kind: int, length: int, features: Sequence[float], told: Mapping[int, float]
    ) -> Remembered:
        """Return what a source says that tells shares after a match of a length, with what else is known."""
        offsets, (a, b, c, doubt), power = self.fitted[kind]
        places, top, different = features
        loudness = offsets[length - 1] + a * places + b * top + c * different + self.learned[kind]
        return Remembered(told, loudness, doubt, power)

    @classmethod
    def for_language(cls, language: str, learned: Sequence[float] = (0.0, 0.0)) -> Self:
        """Return what was fitted for a language, or for all together if it was not among them."""
        table = shipped()
        return cls(table.get(FAMILIES.get(language, language), table["all"]), learned)


@cache
def shipped() -> dict[str, Sequence[Fitted]]:
    """Return what was fitted for languages, and under "all" for all of them together."""
    table = json.loads((files(__package__) / "weights.json").read_text("utf-8"))
    return {name: [Fitted(*one) for one in kinds] for name, kinds in table.items()}
