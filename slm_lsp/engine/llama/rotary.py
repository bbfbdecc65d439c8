"""The frequencies of the rotary embedding, which models scale for contexts longer than in training."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_THETA = 10_000.0
"""What transformers takes for `rope_theta` where a configuration says nothing."""


@dataclass(frozen=True, slots=True)
class Rotary:
    """How far the pairs of a head turn from one position to the next.

    Waves longer than `context` / `low` positions are stretched by `factor`, those shorter than `context` /
    `high` are left alone, and between the two the change is gradual: Llama 3.1's scaling
    (`_compute_llama3_parameters` in transformers' ``modeling_rope_utils.py``). With a `context` of 0 all are
    stretched alike, by a `factor` of 1 not at all.
    """

    theta: float
    factor: float = 1.0
    low: float = 1.0
    high: float = 4.0
    context: int = 0

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Rotary":
        """Read the fields of a `config.json`.

        Raises:
            KeyError: one is missing.
            ValueError: the embedding is scaled in another way.
        """
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        theta = float(rope.get("rope_theta") or config.get("rope_theta") or _THETA)
        match rope.get("rope_type", rope.get("type", "default")):
            case "default":
                return cls(theta)
            case "linear":
                return cls(theta, float(rope["factor"]))
            case "llama3":
                return cls(
                    theta,
                    float(rope["factor"]),
                    float(rope["low_freq_factor"]),
                    float(rope["high_freq_factor"]),
                    int(rope["original_max_position_embeddings"]),
                )
            case other:
                raise ValueError(f"rotary embeddings scaled as {other}")

    def frequencies(self, half: int) -> NDArray[np.float64]:
        """Return the radians by which each of `half` pairs turns from one position to the next."""
        plain = self.theta ** (-np.arange(half) / half)
        if not self.context:
            return plain / self.factor
        waves = self.context * plain / (2 * math.pi)  # that fit the context of the training
        share = np.clip((waves - self.low) / (self.high - self.low), 0, 1)
        return plain * (share + (1 - share) / self.factor)
