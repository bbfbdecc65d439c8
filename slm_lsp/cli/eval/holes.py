"""``slm-lsp eval holes``: the user's own code."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings
from slm_lsp.errors import UsageError

if TYPE_CHECKING:
    from slm_lsp.evaluation.report import Report
    from slm_lsp.text.snippet import Part


_STAGES = {"written": "the model wrote", "left": "the filters left", "shown": "the user is shown"}


def holes(
    path: Annotated[Path, typer.Argument(help="A folder, or one file.", show_default=False)],
    count: Annotated[int, typer.Option("--holes", min=1, help="How many holes to cut.")] = 200,
    seed: Seed = 0,
    languages: Annotated[
        str,
        typer.Option(
            metavar="ID,ID…",
            help="LSP language ids; without them, all programming languages that the files are in.",
            show_default=False,
        ),
    ] = "",
    json_file: Json = None,
    raw: Raw = False,
    greedy: Greedy = False,
    automatic: Annotated[
        bool,
        typer.Option(
            "--automatic",
            help="Let suggestions come by themselves, as while typing: comments, strings and doubtful ones "
            "are held back. Otherwise they are asked for.",
        ),
    ] = False,
    context: Annotated[
        str,
        typer.Option(
            metavar="on|off|without:PART",
            help="Whether other code of the repository is shown; PART is one of `file`, `definitions`, "
            "`similar` and `edits`.",
        ),
    ] = "on",
    memory: Annotated[
        str,
        typer.Option(
            metavar="on|off", help="Whether the repository's own code is mixed into the model's choice."
        ),
    ] = "on" if Settings().memory else "off",
    names: Annotated[
        str,
        typer.Option(
            metavar="on|off", help="Whether names that the repository's code allows in a place are raised."
        ),
    ] = "on",
    model: Model = Settings().model,
    adapter: Adapter = "",
    precision: Precision = "auto",
) -> None:
    """Cut holes into your own code and compare the suggestions with what stood there.

    Files are left out that git ignores, and those that are binary, huge, minified or generated.
    """
    from slm_lsp.completion.pipeline import Switches
    from slm_lsp.evaluation.holes import Plan, evaluate, report, tasks
    from slm_lsp.evaluation.report import check_target

    if json_file:
        check_target(json_file)
    wanted = frozenset(one.strip().lower() for one in languages.split(",") if one.strip())
    switches = Switches(
        filters=not raw,
        context=_parts(context),
        memory=_on("memory", memory),
        names=_on("names", names),
        search=not greedy,
    )
    plan = Plan(path, count, seed, wanted, switches, automatic)
    with counting_bar() as bar:
        bar.add_task("drawing holes", total=None)
        chosen = tasks(plan)
    if not chosen:
        raise UsageError(f"{path} has no code to cut holes into; name another folder.")
    if len(chosen) < count:
        typer.echo(f"slm-lsp: {path} has room for {len(chosen)} different holes only.", err=True)
    with run(chosen_settings(model, adapter, precision), len(chosen), str(path)) as (loaded, follow):
        found = report(loaded, plan, chosen, follow(evaluate(loaded, plan, chosen)))
    if json_file:
        found.save(json_file)
    _print_holes(found)


def _on(name: str, text: str) -> bool:
    """Read `on` or `off`."""
    if text not in ("on", "off"):
        raise UsageError(f"--{name} must be on or off, not {text}.")
    return text == "on"


def _parts(text: str) -> "frozenset[Part]":
    """Read `on`, `off` or `without:PART`."""
    from slm_lsp.text.snippet import Part

    choices = {"on": frozenset(Part), "off": frozenset[Part]()}
    choices |= {f"without:{part.value}": frozenset(Part) - {part} for part in Part}
    if text not in choices:
        raise UsageError(f"--context must be one of {', '.join(choices)}, not {text}.")
    return choices[text]


def _print_holes(report: "Report") -> None:
    metrics = ("shown", "exact", "similarity", "identifiers", "parses", "no_worse", "tokens")
    summary: dict[str, Any] = report.summary
    table = figures("", "holes", *(NAMES[name] for name in metrics), "p50 ms", "p95 ms")
    parts = [summary[name].items() for name in ("languages", "kinds", "uses")]
    groups = [("all", summary["all"]), *(group for part in parts for group in part)]
    ends = {sum(map(len, parts[:count])) for count in range(len(parts))}
    for index, (name, group) in enumerate(groups):
        table.add_row(
            name,
            str(group["holes"]),
            *(shown(metric, group[metric]) for metric in metrics),
            shown("ms", group["p50_ms"]),
            shown("ms", group["p95_ms"]),
            end_section=index in ends,
        )
    output().print(table)
    table = figures("", "texts", "of them right", "right ones kept")
    for name, title in _STAGES.items():
        stage = summary["stages"][name]
        table.add_row(
            title, str(stage["texts"]), *(shown("exact", stage[one]) for one in ("precision", "kept"))
        )
    output().print(table)
    if summary["filters"]:
        table = figures("filter", "right answers won", "right answers lost", "else changed")
        for name, counts in summary["filters"].items():
            table.add_row(name, *(str(counts[one]) for one in ("won", "lost", "changed")))
        output().print(table)
