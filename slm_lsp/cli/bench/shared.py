"""What the commands of ``slm-lsp bench`` share: options, a table, and the file for the figures."""

import json
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.terminal import figures, output
from slm_lsp.config import options
from slm_lsp.errors import UsageError

Rows = dict[str, dict[str, float]]
"""Figures by name, for each of those who were measured."""

Model = Annotated[str, typer.Option(help=options()["model"].doc)]
Adapter = Annotated[str, typer.Option(help=options()["adapter"].doc, show_default=False)]
Precision = Annotated[str, typer.Option(help=options()["precision"].doc)]
Files = Annotated[list[Path], typer.Argument(help="Source files; they are not changed.", show_default=False)]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the figures to a file as well.")
]


def save(rows: Rows, json_file: Path | None) -> None:
    """Write the figures to the file that `--json` names, if it names one.

    Raises:
        UsageError: it can't be written.
    """
    if not json_file:
        return
    try:
        json_file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{json_file} can't be written ({error.strerror}); name another file.") from error


def show(rows: Rows, digits: int) -> None:
    """Print figures that all have, a column for each of those who were measured."""
    table = figures("", *rows)
    for name in next(iter(rows.values())):
        table.add_row(name.replace("_", " "), *(f"{row[name]:,.{digits}f}" for row in rows.values()))
    output().print(table)
