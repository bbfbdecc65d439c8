"""``slm-lsp stats``: what became of suggestions on this machine."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from slm_lsp.statistics.tally import Summary

DAYS = 30
"""Days in the plot."""

_BLOCKS = " ▁▂▃▄▅▆▇█"


def stats(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything counted as JSON.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget everything counted.")] = False,
) -> None:
    """Show what became of suggestions: shown, accepted, kept, how fast; by language and by day.

    Counted by the server on this machine, without any text; the setting `statistics` stops it.
    """
    from slm_lsp.statistics.store import Store
    from slm_lsp.statistics.tally import by, summary

    store = Store()
    if reset:
        store.reset()
        typer.echo("slm-lsp: all counts are forgotten.", err=True)
        return
    counts = store.read()
    languages, days = by(counts, "language"), by(counts, "day")
    if as_json:
        parts = {"languages": languages, "days": days}
        told = {name: {key: asdict(one) for key, one in part.items()} for name, part in parts.items()}
        typer.echo(json.dumps({"all": asdict(summary(counts)), **told}, indent=2))
        return
    if not counts:
        typer.echo("slm-lsp: nothing was counted yet; use it in your editor first.", err=True)
        return
    _print({"all": summary(counts), **languages}, list(days.items())[-DAYS:])


def _print(rows: dict[str, "Summary"], days: list[tuple[str, "Summary"]]) -> None:
    console = Console()
    table = Table(box=None)
    for name in ("", "shown", "accepted", "by word", "by line", "acceptance", "completed", "still there"):
        table.add_column(name, justify="right" if name else "left")
    for name in ("p50 ms", "p95 ms", "cache"):
        table.add_column(name, justify="right")
    for name, one in rows.items():
        kept = " ".join(_percent(share) for share in one.survived)
        numbers = (one.shown, one.accepted, one.words, one.lines)
        shares = (_percent(one.acceptance), _percent(one.completed), kept)
        times = (f"≤{one.p50_ms:g}" if one.p50_ms else "-", f"≤{one.p95_ms:g}" if one.p95_ms else "-")
        table.add_row(name, *map(str, numbers), *shares, *times, _percent(one.cached))
    console.print(table)
    console.print(
        "completed: share of the characters; still there: after 30 s, 2 and 10 minutes", style="dim"
    )
    for what, values in (
        ("shown", [float(one.shown) for _, one in days]),
        ("acceptance", [one.acceptance or 0.0 for _, one in days]),
    ):
        top = f"{max(values):.0%}" if what == "acceptance" else f"{max(values):.0f}"
        console.print(
            f"{what:>10} {_plot(values)} {days[0][0]} to {days[-1][0]}, at most {top}", highlight=False
        )


def _plot(values: list[float]) -> str:
    most = max(values) or 1.0
    return "".join(_BLOCKS[round((len(_BLOCKS) - 1) * value / most)] for value in values)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}%"
