"""How loud memory may speak, by where it remembers, how long the match is and how much it agrees."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from slm_lsp.memory.kernels.plan import VOICES

WORKSPACE, OWN = 0, 1
"""The kinds of sources: the other files, and the file itself. Each has a voice of the same number that speaks
for the longest matches, and one, two further, for all places that were looked at."""

FAMILIES = {
    "c": "cpp",
    "javascript": "typescript",
    "javascriptreact": "typescript",
    "typescriptreact": "typescript",
}
"""Languages that take the weights of another, on whose code they were fitted."""


class Fitted(NamedTuple):
    """What was fitted for one voice.

    Its loudness is the offset of the longest match's length, and factors times what else is known: the
    logarithm of what the places count, the likeliest token's share, the logarithm of the number of different
    tokens, how alike the most alike place is; the last factor is that of the entropy of the model's own
    distribution. `power` is that of the model's chance.
    """

    offsets: Sequence[float]
    factors: Sequence[float]
    power: float


@dataclass(frozen=True)
class Weights:
    """What was fitted for each voice (`slm-lsp eval memory` does), and what was learned since.

    `learned` is added to the loudness of each.
    """

    fitted: Sequence[Fitted]
    learned: Sequence[float] = (0.0,) * VOICES

    @classmethod
    def for_language(cls, language: str, learned: Sequence[float] = (0.0,) * VOICES) -> Self:
        """Return what was fitted for a language, or for all together if it was not among them."""
        table = shipped()
        return cls(table.get(FAMILIES.get(language, language), table["all"]), learned)

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """Offsets and factors, but for those of doubt: float64 [VOICES, LONGEST + FACTORS]."""
        rows = zip(self.fitted, self.learned, strict=True)
        return np.array(
            [[*(offset + more for offset in one.offsets), *one.factors[:-1]] for one, more in rows]
        )

    @cached_property
    def doubt(self) -> NDArray[np.float64]:
        """The factors of the entropy of the model's own distribution, float64 [VOICES]."""
        return np.array([one.factors[-1] for one in self.fitted])

    @cached_property
    def power(self) -> NDArray[np.float64]:
        """The powers of the model's chances, float64 [VOICES]."""
        return np.array([one.power for one in self.fitted])


@cache
def shipped() -> dict[str, Sequence[Fitted]]:
    """Return what was fitted for languages, and under "all" for all of them together."""
    table = json.loads((files(__package__) / "weights.json").read_text("utf-8"))
    return {name: [Fitted(*one) for one in voices] for name, voices in table.items()}
