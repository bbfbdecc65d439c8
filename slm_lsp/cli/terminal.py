"""What commands that measure share in the terminal: a bar, a table, and a console of a known width."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

WIDTH = 132
"""Columns of tables that are not printed to a terminal."""


def counting_bar() -> Progress:
    """Return a bar on stderr that counts, and is not there where nobody looks."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def figures(*columns: str) -> Table:
    """Return a table whose columns but the first are set to the right."""
    table = Table(*columns, box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def output() -> Console:
    """Return the console for results."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
