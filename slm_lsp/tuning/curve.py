"""The learning curve of a run as a picture: loss and pass@1 over the tokens trained on.

``python -m slm_lsp.tuning.curve RUN PICTURE TOKENS=REPORT…`` takes reports that ``slm-lsp eval infilling
--json`` wrote of adapters after so many tokens. Needs matplotlib.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import UsageError

WINDOW = 60
"""Steps whose losses are averaged: about 60,000 tokens."""

Points = list[tuple[int, float]]


def losses(log: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the tokens trained on, and the running means of the loss of middles there, in nats a token."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    tokens = np.array([row["tokens"] for row in rows], dtype=np.float64)
    middle = np.array([row["middle"] for row in rows], dtype=np.float64)
    width = min(WINDOW, len(rows))
    means = np.convolve(middle, np.ones(width) / width, "valid")
    return tokens[len(tokens) - len(means) :], means


def passes(reports: list[str]) -> dict[str, Points]:
    """Return pass@1 by set of tasks, each a list of (tokens, share), of arguments ``TOKENS=REPORT``.

    Raises:
        UsageError: an argument is not of that form.
    """
    sets: dict[str, Points] = {}
    for argument in reports:
        tokens, _, path = argument.partition("=")
        if not tokens.isdigit() or not path:
            raise UsageError(f"{argument} is not TOKENS=REPORT, such as 500000=single.json.")
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        sets.setdefault(report["about"]["set"], []).append((int(tokens), report["summary"]["pass@1"]))
    return {name: sorted(points) for name, points in sets.items()}


def draw(run: Path, picture: Path, reports: list[str]) -> None:
    """Draw the curve; the picture's name tells its format."""
    import matplotlib.pyplot as plt

    figure, left = plt.subplots(figsize=(7, 4), layout="constrained")
    tokens, means = losses(run / "log.jsonl")
    left.plot(tokens / 1e3, means, color="0.6")
    left.set_xlabel("thousand tokens trained on")
    left.set_ylabel("loss of the middle, nats a token (grey)")
    right = left.twinx()
    for name, points in passes(reports).items():
        right.plot([at / 1e3 for at, _ in points], [100 * share for _, share in points], "o-", label=name)
    right.set_ylabel("pass@1, %")
    right.set_ylim(0)
    right.legend(loc="lower right")
    figure.savefig(picture)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
