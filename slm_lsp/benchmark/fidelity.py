"""How near the engine's rounded weights come to the model in float32, token by token over real code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Engine, Usage
from slm_lsp.engine.lookup import Nothing

WINDOW = 128
"""Tokens of a prompt; what follows each of them is compared."""

First = tuple[int, float]
"""A model's first choice, and its natural-log probability."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Places compared, the share in which the first choice is the same, and how far its log probability is
    off there: half of the places are nearer than `median`, and one in a hundred farther than `p99`.
    """  # fmt: skip

    places: int
    same: float
    median: float
    p99: float


def compare(
    engine: Engine,
    reference: Callable[[Sequence[int]], list[First]],
    prompts: Sequence[Sequence[int]],
    advance: Callable[[], None],
) -> Fidelity:
    """Compare first choices after every token of some prompts; `reference` gives those of a whole prompt."""
    same, off = 0, list[float]()
    for prompt in prompts:
        for length, (id, logprob) in enumerate(reference(prompt), 1):
            decoding = Decoding(1, drafts=Nothing())
            (token,) = engine.generate(prompt[:length], decoding, CancelToken(), Usage())
            if token.id == id:
                same += 1
                off.append(abs(token.logprob - logprob))
        advance()
    places = sum(map(len, prompts))
    median, p99 = np.percentile(off, (50, 99))
    return Fidelity(places, same / places, float(median), float(p99))
