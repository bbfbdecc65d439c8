"""``slm-lsp eval memory``: how loud the workspace's memory may speak."""

import json
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.eval.shared import Adapter, Model, Seed, chosen_settings, run
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings
from slm_lsp.errors import UsageError


def memory(
    paths: Annotated[list[Path], typer.Argument(help="Folders, each a repository.", show_default=False)],
    count: Annotated[int, typer.Option("--holes", min=10, help="How many holes to cut in each.")] = 200,
    seed: Seed = 0,
    model: Model = Settings().model,
    adapter: Adapter = "",
) -> None:
    """Fit the weights of what the workspace remembers, and print what they are worth.

    What stands in each hole is forced through the model, beside everything that it is shown. The losses are
    nats a token; those of fitted weights are of a five-fold cross-validation by holes. A second table says
    what memory is worth, with the weights that ship, if fewer of the other files are remembered.
    """
    from slm_lsp.evaluation.holes import Plan, tasks
    from slm_lsp.evaluation.recalled import SMALLER, Observation, fit, losses, observe
    from slm_lsp.memory.weights import shipped

    plans = [Plan(path, count, seed) for path in paths]
    with counting_bar() as bar:
        bar.add_task("drawing holes", total=None)
        drawn = [tasks(plan) for plan in plans]
    total = sum(map(len, drawn))
    if not total:
        raise UsageError(f"{paths[0]} has no code to cut holes into; name another folder.")
    found, begun = list[Observation](), 0
    with run(chosen_settings(model, adapter, "auto"), total, "memory") as (loaded, follow):
        for plan, chosen in zip(plans, drawn, strict=True):
            for rows in follow(observe(loaded, plan, chosen, begun)):
                found += rows
            begun += len(chosen)
    if not any(one.heard for one in found):
        raise UsageError("memory says nothing in these holes; name folders with more code.")
    worth = losses(found, shipped())
    table = figures("", "tokens", "model alone", "weights that ship", "fitted")
    for family, one in worth.items():
        table.add_row(
            family, str(one.tokens), *(f"{nats:.3f}" for nats in (one.alone, one.shipped, one.fitted))
        )
    output().print(table)
    smaller = figures("other files", *(f"{count:,}" for count in SMALLER), "all")
    for family, one in worth.items():
        smaller.add_row(family, *(f"{loss:.3f}" for loss in (*one.smaller, one.shipped)))
    output().print(smaller)
    typer.echo(json.dumps(fit(found, shipped())))
