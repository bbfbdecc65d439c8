"""``slm-lsp bench soak``: whether a server stays as it was while it is typed to for a long time."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.bench.shared import Adapter, Json, Model, save
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings


def soak(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Source files, or folders of them; the first is the workspace. They are not changed.",
            show_default=False,
            exists=True,
        ),
    ],
    minutes: Annotated[float, typer.Option(min=0.2, help="How long to type.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Draws the order of the files and what is accepted.")] = 0,
    model: Model = Settings().model,
    adapter: Adapter = "",
    json_file: Json = None,
) -> None:
    """Type into many files through one real server, fast, and fail if memory, threads, files or tasks grow.

    The warm-up, in which the caches fill, is a third of the time and at most ten minutes; after it the
    resident size may grow by 5%.
    """
    from slm_lsp.benchmark import soak as bench

    with counting_bar() as bar:
        task = bar.add_task("typing", total=round(60 * minutes))

        def looked(sample: bench.Sample) -> None:
            bar.update(task, completed=round(sample.seconds), description=f"{sample.megabytes:.0f} MB")

        settings = {"model": model, "adapter": adapter}
        found = asyncio.run(bench.soak(paths, settings, minutes, seed, looked))
    stretches = found.stretches()
    save({f"until {one.until:.0f} s": asdict(one) for one in stretches}, json_file)
    table = figures("until, s", "resident, MB", "threads", "open files", "tasks", "p50 ms", "p95 ms")
    for one in stretches:
        table.add_row(
            f"{one.until:,.0f}{' (warm-up)' if one is stretches[0] else ''}",
            f"{one.megabytes:,.0f}",
            *(f"{count:.0f}" for count in (one.threads, one.files, one.tasks)),
            f"{one.p50_ms:,.0f}",
            f"{one.p95_ms:,.0f}",
        )
    console = output()
    console.print(table)
    console.print(
        f"{found.keys:,} keys in {found.typed:,} openings of files; {found.cpu_seconds:,.0f} s of CPU; "
        f"the resident size changed by {found.growth():+.1%} after the warm-up",
        highlight=False,
    )
    for complaint in (complaints := found.complaints()):
        typer.echo(f"slm-lsp: {complaint}.", err=True)
    if complaints:
        raise typer.Exit(1)
