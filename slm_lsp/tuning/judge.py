"""Whether an adapter is worth using: the model with it against the model without it, hole by hole."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from slm_lsp.evaluation.compare import Difference, interval
from slm_lsp.tuning.dataset import Batch, Dataset
from slm_lsp.tuning.lora import Middle, Tuned

BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model makes of held-out holes, one entry for each.

    `nats` is the mean loss of a middle's tokens, without the token that ends it. `right` is 1.0 where every
    one of them is the model's first choice: greedy decoding then writes the middle as it stood.
    """

    nats: list[float]
    right: list[float]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return what `to_json` was called on."""
        return cls(values["nats"], values["right"])


def measure(model: Tuned, held_out: Dataset, *, untuned: bool = False) -> Measured:
    """Measure a model on every held-out hole; `untuned` as in `Tuned.middles`."""
    found: dict[int, Middle] = {}
    for indices in held_out.batches(0, BATCH_TOKENS):
        holes = indices[_are_holes(held_out.batch(indices))]
        if len(holes):
            found |= zip(holes.tolist(), model.middles(held_out.batch(holes), untuned), strict=True)
    middles = [found[index] for index in sorted(found)]
    return Measured([float(one.nats.mean()) for one in middles], [float(one.right.all()) for one in middles])


def _are_holes(batch: Batch) -> NDArray[np.bool_]:
    """Tell holes from plain text, and from holes that nothing stands before."""
    return (batch.middle_at > batch.prefix_at) & (batch.length > batch.middle_at)


def compare(without: Measured, with_: Measured) -> list[Difference]:
    """Return the differences in both measures with their 95% intervals (paired bootstrap over the holes)."""
    pairs = (("nats", without.nats, with_.nats), ("right", without.right, with_.right))
    return [_difference(name, np.array(a), np.array(b)) for name, a, b in pairs]


def better(differences: list[Difference]) -> bool:
    """Whether the loss is lower by more than noise: it tells sooner than holes filled to the letter."""
    loss = next(one for one in differences if one.metric == "nats")
    return loss.high < 0


def _difference(metric: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Difference:
    low, high = interval(b - a, 0)
    return Difference(metric, len(a), float(a.mean()), float(b.mean()), low, high)
