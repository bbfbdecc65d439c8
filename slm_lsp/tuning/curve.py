"""The learning curve of a run as a picture: held-out loss and pass@1 over the tokens trained on.

``python -m slm_lsp.tuning.curve RUN PICTURE TOKENS=WHAT…`` takes, of adapters after so many tokens, reports
that ``slm-lsp eval infilling --json`` wrote, or the loss that ``slm_lsp.tuning.shipped write`` says in the
adapter, beside the losses in the run's log. Needs matplotlib.
"""

import json
import sys
from pathlib import Path

from slm_lsp.errors import UsageError

Points = list[tuple[int, float]]

LOSS = "loss"
"""The name of the points that are no report's."""


def logged(log: Path) -> Points:
    """Return the held-out losses of middles in a run's log, in nats a token, each with its tokens."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [(row["tokens"], row["validation"]["middle"]) for row in rows if "validation" in row]


def given(arguments: list[str]) -> dict[str, Points]:
    """Return pass@1 by set of tasks, and losses, of arguments ``TOKENS=REPORT`` and ``TOKENS=LOSS``.

    Raises:
        UsageError: an argument is not of that form.
    """
    found: dict[str, Points] = {LOSS: []}
    for argument in arguments:
        tokens, _, what = argument.partition("=")
        if not tokens.isdigit() or not what:
            raise UsageError(f"{argument} is not TOKENS=REPORT, such as 500000=single.json, or TOKENS=LOSS.")
        if what.replace(".", "", 1).isdigit():
            found[LOSS].append((int(tokens), float(what)))
            continue
        report = json.loads(Path(what).read_text(encoding="utf-8"))
        found.setdefault(report["about"]["set"], []).append((int(tokens), report["summary"]["pass@1"]))
    return {name: sorted(points) for name, points in found.items()}


def draw(run: Path, picture: Path, arguments: list[str]) -> None:
    """Draw the curve; the picture's name tells its format."""
    import matplotlib.pyplot as plt

    sets = given(arguments)
    losses = sorted([*logged(run / "log.jsonl"), *sets.pop(LOSS)])
    figure, left = plt.subplots(figsize=(7, 4), layout="constrained")
    left.plot([at / 1e6 for at, _ in losses], [loss for _, loss in losses], "s--", color="0.5")
    left.set_xlabel("million tokens trained on")
    left.set_ylabel("loss of middles in held-out files, nats a token (grey)")
    right = left.twinx()
    for name, points in sets.items():
        right.plot([at / 1e6 for at, _ in points], [100 * share for _, share in points], "o-", label=name)
    right.set_ylabel("pass@1, %")
    right.set_ylim(0, 50)
    right.legend(loc="lower right")
    figure.savefig(picture)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
