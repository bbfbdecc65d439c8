"""``slm-lsp doctor --prove-private``: what was tried, how often, and what happened."""

import asyncio
import json
from dataclasses import asdict

import typer
from rich.console import Console

from slm_lsp.cli.terminal import figures, output
from slm_lsp.paths import index_dir


def prove_private(model: str, *, as_json: bool) -> None:
    """Prove it, print it, and end with 1 if anything was not as promised."""
    from slm_lsp.completion.kept import sweep
    from slm_lsp.proof.session import prove

    with Console(stderr=True).status("Serving a session, and trying to get out"):
        rows = asyncio.run(prove(model))
    sweep(index_dir())  # the workspace that was served is gone
    good = all(row.good for row in rows)
    if as_json:
        typer.echo(json.dumps({"private": good, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        table = figures("part", "what", "times", "what happened")
        table.columns[1].justify = table.columns[3].justify = "left"
        for row in rows:
            happened = row.happened if row.good else f"[red]{row.happened}[/]"
            table.add_row(row.part, row.what, str(row.times), happened)
        output().print(table)
        typer.echo("Nothing left the machine." if good else "Not everything was as promised: see the table.")
    if not good:
        raise typer.Exit(1)
