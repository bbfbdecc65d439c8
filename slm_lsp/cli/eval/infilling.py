"""``slm-lsp eval infilling``: a public benchmark."""

from typing import TYPE_CHECKING, Annotated

import typer

from slm_lsp.cli.eval.shared import (
    NAMES,
    Adapter,
    Greedy,
    Json,
    Model,
    Precision,
    Raw,
    Seed,
    chosen_settings,
    run,
    shown,
)
from slm_lsp.cli.terminal import figures, output
from slm_lsp.config import Settings

if TYPE_CHECKING:
    from slm_lsp.evaluation.report import Report


def infilling(
    set_name: Annotated[
        str,
        typer.Option(
            "--set",
            metavar="SET",
            help="The tasks: `single-line`, `multi-line`, `random-span`, or its tenth `random-span-light`.",
        ),
    ] = "single-line",
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="Draw this many tasks of the set; without it, take all.", show_default=False
        ),
    ] = None,
    seed: Seed = 0,
    json_file: Json = None,
    raw: Raw = False,
    greedy: Greedy = False,
    no_healing: Annotated[
        bool,
        typer.Option("--no-healing", help="End the prompt where the cursor stands, in mid-token or not."),
    ] = False,
    ceiling: Annotated[
        bool,
        typer.Option(
            "--ceiling",
            help="Play back the reference solutions in the model's place: the most that the stop rules and "
            "filters let through.",
        ),
    ] = False,
    model: Model = Settings().model,
    adapter: Adapter = "",
    precision: Precision = "auto",
) -> None:
    """Complete the tasks of HumanEval-Infilling and run each task's own test on the outcome.

    The programs run in processes of their own: with limits on time, memory, processes and files, and
    without a network.
    """
    from slm_lsp.completion.pipeline import Switches
    from slm_lsp.evaluation.infilling import Plan, evaluate, report, tasks
    from slm_lsp.evaluation.report import check_target

    if json_file:
        check_target(json_file)
    plan = Plan(
        set_name, limit, seed, Switches(healing=not no_healing, filters=not raw, search=not greedy), ceiling
    )
    chosen = tasks(plan)
    with run(chosen_settings(model, adapter, precision), len(chosen), set_name) as (loaded, follow):
        found = report(loaded, plan, chosen, follow(evaluate(loaded, plan, chosen)))
    if json_file:
        found.save(json_file)
    _print_infilling(found)


def _print_infilling(report: "Report") -> None:
    about, summary = report.about, report.summary
    what = [about["set"], "the references in the place of " * about["ceiling"] + about["model"]]
    what += [f"without {name}" for name in ("healing", "filters", "search") if not about[name]]
    table = figures("measure", "")
    table.add_row("tasks", str(summary["tasks"]))
    table.add_row("pass@1", shown("passed", summary["pass@1"]))
    for name in ("exact", "parses", "ended", "logprob", "tokens", "ms"):
        table.add_row(NAMES[name], shown(name, summary[name]))
    for name in ("stops", "verdicts"):
        for one, count in summary[name].items():
            share = shown("passed", count / summary["tasks"])
            table.add_row(f"{'stopped' if name == 'stops' else 'test'}: {one}", share)
    output().print(", ".join(what), highlight=False)
    output().print(table)
