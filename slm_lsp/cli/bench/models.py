"""``slm-lsp bench models``: the models on disk side by side over the user's own code."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings, options
from slm_lsp.errors import UsageError

if TYPE_CHECKING:
    from slm_lsp.benchmark.choice import Choice
    from slm_lsp.evaluation.holes import Plan, Task


def models(
    holes: Annotated[Path, typer.Option(metavar="PATH", help="The folder whose code is taken.")] = Path(),
    count: Annotated[int, typer.Option(min=1, help="How many holes to cut.")] = 60,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[@PRECISION]",
            help="What to measure, as often as you like; without it, every known model on disk. "
            "PRECISION is as in the setting.",
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--output", help="Where models.png, models.html and models.json go.")
    ] = Path("slm-lsp-models"),
    seed: Annotated[int, typer.Option(help="Draws the holes.")] = 0,
) -> None:
    """Run several models over holes in your own code and draw what to choose by.

    Parameters across, quality up, latency as colour, memory as size, and which of them no other beats.
    """
    from slm_lsp.benchmark.choice import front, write
    from slm_lsp.evaluation.holes import Plan, tasks

    wanted = [_settings(one) for one in model or _on_disk()]
    plan = Plan(holes, count, seed)
    chosen = tasks(plan)
    if not chosen:
        raise UsageError(f"{holes} has no code to cut holes into; name another folder with --holes.")
    found = list(_measured(wanted, plan, chosen))
    about: dict[str, object] = {"holes": len(chosen), "seed": seed, "code": holes.resolve().name}
    write(found, about, folder)
    table = figures("model", "parameters", "weights MB", "edit similarity", "exact", "p50 ms", "p95 ms", "")
    best = front(found)
    for one in found:
        table.add_row(
            one.label,
            f"{one.parameters / 1e6:,.0f} M",
            f"{one.memory / 1e6:,.0f}",
            f"{100 * one.similarity:.1f}%",
            f"{100 * one.exact:.1f}%",
            f"{one.p50_ms:,.0f}",
            f"{one.p95_ms:,.0f}",
            "front" if one in best else "",
        )
    output().print(table)
    typer.echo(f"{folder / 'models.png'}, {folder / 'models.html'} and {folder / 'models.json'} are written.")


def _on_disk() -> list[str]:
    from slm_lsp.models.store import list_known

    found = [row.model.name for row in list_known() if row.fetched]
    if not found:
        raise UsageError("No known model is on disk; run `slm-lsp models pull`, or name one with --model.")
    return found


def _settings(text: str) -> Settings:
    name, _, precision = text.rpartition("@") if "@" in text else (text, "", "auto")
    try:
        return Settings(model=name, precision=options()["precision"].check(precision))
    except ValueError as error:
        raise UsageError(f"--model takes NAME@PRECISION, where PRECISION is {error}, not {text!r}.") from None


def _measured(wanted: list[Settings], plan: "Plan", chosen: "list[Task]") -> "Iterator[Choice]":
    from slm_lsp.benchmark.choice import Choice
    from slm_lsp.completion.loading import load
    from slm_lsp.evaluation.holes import evaluate
    from slm_lsp.evaluation.report import mean, percentile
    from slm_lsp.models.known import PRECISIONS

    for settings in wanted:
        with counting_bar() as bar:
            task = bar.add_task(f"loading {settings.model}", total=None)
            loaded = load(settings, lambda done, doing: None)
            bar.update(task, description=settings.model, total=len(chosen))
            rows = []
            for row in evaluate(loaded, plan, chosen):
                rows.append(row)
                bar.advance(task)
            info = loaded.engine.info
            loaded.close()
        bytes_each = PRECISIONS.get(info.precision, PRECISIONS["bfloat16"])
        yield Choice(
            name=settings.model,
            precision=info.precision,
            backend=info.backend,
            parameters=info.parameters,
            memory=info.weights or int(info.parameters * bytes_each),
            similarity=mean(rows, "similarity") or 0.0,
            exact=mean(rows, "exact") or 0.0,
            p50_ms=percentile(rows, "ms", 50) or 0.0,
            p95_ms=percentile(rows, "ms", 95) or 0.0,
        )
