"""``slm-lsp eval compare``: a gain, or luck."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slm_lsp.cli.eval.shared import NAMES, shown
from slm_lsp.cli.terminal import figures, output
from slm_lsp.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from slm_lsp.evaluation.compare import Difference


def compare(
    a: Annotated[
        Path,
        typer.Argument(help="What `--json` wrote in the first run, or a folder of such.", show_default=False),
    ],
    b: Annotated[
        Path, typer.Argument(help="The same of the second run, in the same order.", show_default=False)
    ],
    by: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Also compare the parts of a run of holes, by `kind`, `use` or `language`.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Tell whether the second run is better than the first, or only luckier.

    The interval is that of a paired bootstrap over the tasks; a difference whose interval holds 0 is noise.
    """
    from slm_lsp.evaluation.compare import compare as differences
    from slm_lsp.evaluation.report import load

    first, second = load(a), load(b)
    if by and not all(by in row for row in first.rows):
        raise UsageError(f"{a} has no column {by!r}; give one of `kind`, `use` and `language`.")
    parts = sorted({str(row[by]) for row in first.rows}) if by else []
    table = figures(
        by or "metric", *["metric"][: bool(by)], "tasks", "A", "B", "B - A", "gain", "95% interval", "B is"
    )
    for part in [None, *parts]:
        for one in differences(first, second, (by, part) if part else None):
            _add_difference(table, one, [part or "all"] if by else [])
        table.add_section()
    output().print(table)


def _add_difference(table: "Table", one: "Difference", lead: list[str]) -> None:
    table.add_row(
        *lead,
        NAMES.get(one.metric, one.metric),
        str(one.tasks),
        shown(one.metric, one.a),
        shown(one.metric, one.b),
        shown(one.metric, one.b - one.a, signed=True),
        f"{100 * (one.b - one.a) / abs(one.a):+.0f}%" if one.a else "-",
        f"{shown(one.metric, one.low, signed=True)} to {shown(one.metric, one.high, signed=True)}",
        f"[bold]{one.verdict}[/]" if one.significant else one.verdict,
    )
