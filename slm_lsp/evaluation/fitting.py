"""Fitting the confidence's weights: logistic regression over what holes were found to be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm_lsp.completion.confidence import FEATURES
from slm_lsp.errors import UsageError
from slm_lsp.evaluation.report import Row

_UNKNOWN = np.array([name == "unknown names" for name in FEATURES])

PENALTY = np.where(_UNKNOWN, 20.0, 1.0)
"""Of the squared weights, the constant's left out: a few hundred holes say little of rare features."""

EXPECTED = np.where(_UNKNOWN, -0.7, 0.0)
"""What the penalty draws the weights to. Names found nowhere are wrong, but too rare in holes to show it, and
what the file's author went on to define is among them."""

STEPS = 50
"""Newton steps at most; some ten are enough."""

FOLDS = 5

EAGERNESSES = (20, 40, 50, 60, 70, 80, 85, 90, 92, 94, 96, 98)
"""Those that are looked at: near the upper end one more lets many through."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TradeOff:
    """What an eagerness lets through: the share that is shown, how much of it is right, and how much of all
    that is right it keeps."""

    eagerness: int
    shown: float
    precision: float
    kept: float


def fit(rows: Sequence[Row]) -> list[float]:
    """Return the weights for `slm_lsp.completion.confidence.WEIGHTS`.

    Raises:
        UsageError: there are too few rows, or all are right, or none is.
    """
    features, right = _table(rows)
    return [float(one) for one in _fitted(features, right)]


def trade_offs(rows: Sequence[Row], eagernesses: Sequence[int] = EAGERNESSES) -> list[TradeOff]:
    """Return what each eagerness lets through, each row judged by weights fitted to others."""
    features, right = _table(rows)
    folds = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    chance = np.zeros(len(rows))
    for fold in range(FOLDS):
        seen, held = folds != fold, folds == fold
        chance[held] = _sigmoid(features[held] @ _fitted(features[seen], right[seen]))
    found = []
    for eagerness in eagernesses:
        shown = chance >= 1 - eagerness / 100
        count = max(1, int(shown.sum()))
        found.append(
            TradeOff(
                eagerness,
                float(shown.mean()),
                float(right[shown].sum() / count),
                float(right[shown].sum() / max(1.0, right.sum())),
            )
        )
    return found


def _table(rows: Sequence[Row]) -> tuple[Matrix, Matrix]:
    features = np.array([row["features"] for row in rows], dtype=np.float64)
    right = np.array([row["finished"] for row in rows], dtype=np.float64)
    if len(rows) < 10 * FOLDS or not 0 < right.mean() < 1:
        raise UsageError(
            "these holes say too little; run `slm-lsp eval holes --automatic` with more of them."
        )
    return features, right


def _fitted(features: Matrix, right: Matrix) -> Matrix:
    """Maximise the penalised likelihood by Newton's method."""
    weights = np.zeros(features.shape[1])
    penalty = np.diag(PENALTY)
    penalty[0, 0] = 1e-6
    for _ in range(STEPS):
        chance = _sigmoid(features @ weights)
        slope = features.T @ (right - chance) - penalty @ (weights - EXPECTED)
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + penalty
        step = np.linalg.solve(curve, slope)
        weights += step
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights


def _sigmoid(values: Matrix) -> Matrix:
    chance: Matrix = 1 / (1 + np.exp(-np.clip(values, -700, 700)))
    return chance
