"""``slm-lsp tune``: tune the model to one's own code."""

import hashlib
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from slm_lsp.errors import UsageError
from slm_lsp.models.known import EMBEDDED
from slm_lsp.models.store import ADAPTER_FILE, tuning_dir

if TYPE_CHECKING:
    from slm_lsp.evaluation.compare import Difference

_MEASURES = {"nats": ("loss, nats a token", "{:+.3f}"), "right": ("filled to the letter", "{:+.1%}")}


def tune(
    paths: Annotated[
        list[Path], typer.Argument(help="Folders or files of source code to learn from.", show_default=False)
    ],
    model: Annotated[
        str, typer.Option(help="The model to tune: a known one, or a folder in Hugging Face layout.")
    ] = EMBEDDED,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The adapter file to write.", show_default="in the run's folder"),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.1, help="How long to train; preparing comes on top.")
    ] = 30.0,
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps to train at most.")] = None,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Rank of the LoRA matrices.")] = 32,
    learning_rate: Annotated[
        float, typer.Option(min=1e-6, max=1e-1, help="The highest learning rate.")
    ] = 3e-4,
    seed: Annotated[int, typer.Option(help="Fixes which holes are drawn, and in which order.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="The run's folder; run again with it to resume.", show_default="by paths and model"
        ),
    ] = None,
) -> None:
    """Tune the model to your own code: LoRA on holes in the files that git would not ignore.

    Nothing leaves the machine. Interrupted, by Ctrl-C or a kill, the same command goes on from the last
    checkpoint. Takes at most 3.5 GB of memory with the embedded model. The adapter, a file of 20 MB, is only
    written if the model with it does better on held-out holes than the model without it, by more than noise.
    """
    from slm_lsp.tuning import run
    from slm_lsp.tuning.trainer import Plan, Report

    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist; give a folder or a file of source code.")
    folder = folder or tuning_dir() / _run_name(paths, model)
    output = output or folder / ADAPTER_FILE
    console = Console(stderr=True)
    prepared = run.prepare(
        paths, model, folder, seed, run.evaluation_tasks(), lambda said: console.print(said)
    )
    console.print(
        f"{len(prepared.training)} examples of {prepared.training.tokens:,} tokens to learn from, "
        f"{len(prepared.held_out)} held out; the run is in {folder}"
    )
    plan = Plan(learning_rate=learning_rate, steps=steps, seconds=minutes * 60, seed=seed)
    signal.signal(signal.SIGTERM, _stop)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task("measuring the model as it is", total=1.0)

        def told(report: Report) -> None:
            said = f"loss {report.losses.middle:.3f}, {report.tokens_per_second:.0f} tokens/s"
            bar.update(task, completed=report.part_done, description=said)

        try:
            outcome = run.train(prepared, plan, rank, output, told)
        except KeyboardInterrupt:
            console.print("stopped; the same command goes on from here")
            raise typer.Exit(1) from None
    console.print(_comparison(outcome.differences))
    if outcome.path is None:
        console.print(
            "the tuned model is not better on the held-out holes by more than noise: no adapter is written"
        )
        raise typer.Exit(1)
    typer.echo(str(outcome.path))


def _comparison(differences: list["Difference"]) -> Table:
    """Lay out what the adapter changes on the held-out holes."""
    table = Table("held out", "holes", "without", "with", "difference", "95% interval", box=None)
    for index, column in enumerate(table.columns):
        column.justify, column.no_wrap = "right" if index else "left", True
    for one in differences:
        name, form = _MEASURES[one.metric]
        low, high = form.format(one.low), form.format(one.high)
        plain = form.replace("+", "")
        table.add_row(
            name,
            str(one.tasks),
            plain.format(one.a),
            plain.format(one.b),
            form.format(one.b - one.a),
            f"{low} to {high}",
        )
    return table


def _run_name(paths: list[Path], model: str) -> str:
    key = "\n".join([model, *sorted(str(path.absolute()) for path in paths)])
    return f"{paths[0].absolute().name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
