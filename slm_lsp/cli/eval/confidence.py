"""``slm-lsp eval confidence``: the weights by which doubtful suggestions are held back."""

from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.eval.shared import shown
from slm_lsp.cli.terminal import figures, output


def confidence(
    files: Annotated[
        list[Path], typer.Argument(help="What `eval holes --automatic --json` wrote.", show_default=False)
    ],
) -> None:
    """Fit the weights by which doubtful suggestions are held back, and print what they are worth.

    Of all holes those count where the filters left a text. The figures are those of a five-fold
    cross-validation: no hole is judged by weights that have seen it.
    """
    from slm_lsp.completion.confidence import FEATURES
    from slm_lsp.evaluation.fitting import fit, trade_offs
    from slm_lsp.evaluation.report import load

    rows = [row for file in files for row in load(file).rows if row["features"] and row["left"]]
    weights = fit(rows)
    table = figures("feature", "weight")
    for name, weight in zip(FEATURES, weights, strict=True):
        table.add_row(name, f"{weight:+.3f}")
    output().print(table)
    table = figures("eagerness", "shown", "precision", "right ones kept")
    for trade in trade_offs(rows):
        table.add_row(
            str(trade.eagerness),
            *(shown("passed", one) for one in (trade.shown, trade.precision, trade.kept)),
        )
    output().print(table)
    typer.echo(f"WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in weights)})")
