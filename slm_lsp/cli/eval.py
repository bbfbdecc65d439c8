"""``slm-lsp eval``: how good the suggestions are, on a benchmark and in the user's own code."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings, options
from slm_lsp.errors import UsageError

if TYPE_CHECKING:
    from slm_lsp.completion.model import LoadedModel
    from slm_lsp.evaluation.report import Report, Row
    from slm_lsp.text.snippet import Part

app = typer.Typer(
    help="Measure the suggestions, and tell a gain from noise. Nothing leaves the machine.",
    no_args_is_help=True,
)

Seed = Annotated[int, typer.Option(help="Draws the tasks; the same seed draws the same.")]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write everything found to a JSON file as well.", show_default=False
    ),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Switch the filters off that run on the model's finished text.")
]
Model = Annotated[str, typer.Option(help=options()["model"].doc)]
Adapter = Annotated[str, typer.Option(help=options()["adapter"].doc, show_default=False)]


@app.command(epilog="Example: slm-lsp eval infilling --set single-line --limit 100 --json tuned.json")
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
) -> None:
    """Complete the tasks of HumanEval-Infilling and run each task's own test on the outcome.

    The programs run in processes of their own: with limits on time, memory, processes and files, and
    without a network.
    """
    from slm_lsp.completion.pipeline import Switches
    from slm_lsp.evaluation.infilling import Plan, evaluate, report, tasks

    _check(json_file)
    plan = Plan(set_name, limit, seed, Switches(healing=not no_healing, filters=not raw), ceiling)
    chosen = tasks(plan)
    with _run(_settings(model, adapter), len(chosen), set_name) as (loaded, follow):
        found = report(loaded, plan, chosen, follow(evaluate(loaded, plan, chosen)))
    _finish(found, json_file)
    _print_infilling(found)


@app.command(epilog="Example: slm-lsp eval holes src --holes 400 --languages python,rust")
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
    model: Model = Settings().model,
    adapter: Adapter = "",
) -> None:
    """Cut holes into your own code and compare the suggestions with what stood there.

    Files are left out that git ignores, and those that are binary, huge, minified or generated.
    """
    from slm_lsp.completion.pipeline import Switches
    from slm_lsp.evaluation.holes import Plan, evaluate, report, tasks

    _check(json_file)
    wanted = frozenset(one.strip().lower() for one in languages.split(",") if one.strip())
    switches = Switches(filters=not raw, context=_parts(context))
    plan = Plan(path, count, seed, wanted, switches, automatic)
    with counting_bar() as bar:
        bar.add_task("drawing holes", total=None)
        chosen = tasks(plan)
    if not chosen:
        raise UsageError(f"{path} has no code to cut holes into; name another folder.")
    if len(chosen) < count:
        typer.echo(f"slm-lsp: {path} has room for {len(chosen)} different holes only.", err=True)
    with _run(_settings(model, adapter), len(chosen), str(path)) as (loaded, follow):
        found = report(loaded, plan, chosen, follow(evaluate(loaded, plan, chosen)))
    _finish(found, json_file)
    _print_holes(found)


@app.command(epilog="Example: slm-lsp eval confidence holes.json")
def confidence(
    files: Annotated[
        list[Path], typer.Argument(help="What `eval holes --automatic --json` wrote.", show_default=False)
    ],
) -> None:
    """Fit the weights by which doubtful suggestions are held back, and print what they are worth.

    The figures are those of a five-fold cross-validation: no hole is judged by weights that have seen it.
    """
    from slm_lsp.completion.confidence import FEATURES
    from slm_lsp.evaluation.fitting import fit, trade_offs
    from slm_lsp.evaluation.report import load

    rows = [row for file in files for row in load(file).rows if row["features"]]
    weights = fit(rows)
    table = figures("feature", "weight")
    for name, weight in zip(FEATURES, weights, strict=True):
        table.add_row(name, f"{weight:+.3f}")
    output().print(table)
    table = figures("eagerness", "shown", "precision", "right ones kept")
    for trade in trade_offs(rows):
        table.add_row(
            str(trade.eagerness),
            *(_shown("passed", one) for one in (trade.shown, trade.precision, trade.kept)),
        )
    output().print(table)
    typer.echo(f"WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in weights)})")


@app.command(epilog="Example: slm-lsp eval compare before.json after.json")
def compare(
    a: Annotated[Path, typer.Argument(help="What `--json` wrote in the first run.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="What `--json` wrote in the second run.", show_default=False)],
) -> None:
    """Tell whether the second run is better than the first, or only luckier.

    The interval is that of a paired bootstrap over the tasks; a difference whose interval holds 0 is noise.
    """
    from slm_lsp.evaluation.compare import compare as differences
    from slm_lsp.evaluation.report import load

    table = figures("metric", "tasks", "A", "B", "B - A", "95% interval", "B is")
    for one in differences(load(a), load(b)):
        table.add_row(
            _NAMES.get(one.metric, one.metric),
            str(one.tasks),
            _shown(one.metric, one.a),
            _shown(one.metric, one.b),
            _shown(one.metric, one.b - one.a, signed=True),
            f"{_shown(one.metric, one.low, signed=True)} to {_shown(one.metric, one.high, signed=True)}",
            f"[bold]{one.verdict}[/]" if one.significant else one.verdict,
        )
    output().print(table)


Follow = Callable[[Iterable["Row"]], list["Row"]]


@contextmanager
def _run(settings: Settings, total: int, what: str) -> Iterator[tuple["LoadedModel", Follow]]:
    """Load the model, and yield it with a function that gathers rows while a bar on stderr follows them."""
    from slm_lsp.completion.loading import load

    with counting_bar() as bar:
        task = bar.add_task("loading the model", total=None)
        loaded = load(settings, lambda done, doing: bar.update(task, description=doing))
        bar.update(task, description=what, total=total)

        def follow(rows: Iterable["Row"]) -> list["Row"]:
            gathered = []
            for row in rows:
                gathered.append(row)
                bar.advance(task)
            return gathered

        try:
            yield loaded, follow
        finally:
            loaded.close()


def _settings(model: str, adapter: str) -> Settings:
    """Return the settings that name what is measured."""
    return Settings(model=_checked("model", model), adapter=_checked("adapter", adapter))


def _checked(name: str, value: str) -> str:
    try:
        checked: str = options()[name].check(value)
    except ValueError as error:
        raise UsageError(f"--{name} must be {error}, not {value!r}.") from None
    return checked


def _parts(text: str) -> "frozenset[Part]":
    """Read `on`, `off` or `without:PART`."""
    from slm_lsp.text.snippet import Part

    choices = {"on": frozenset(Part), "off": frozenset[Part]()}
    choices |= {f"without:{part.value}": frozenset(Part) - {part} for part in Part}
    if text not in choices:
        raise UsageError(f"--context must be one of {', '.join(choices)}, not {text}.")
    return choices[text]


def _check(json_file: Path | None) -> None:
    """Find out before a long run whether its JSON can be written."""
    from slm_lsp.evaluation.report import check_target

    if json_file:
        check_target(json_file)


def _finish(report: "Report", json_file: Path | None) -> None:
    if json_file:
        report.save(json_file)


_NAMES = {
    "passed": "pass@1",
    "exact": "exact match",
    "similarity": "edit similarity",
    "identifiers": "identifiers right",
    "parses": "parses",
    "no_worse": "parses no worse",
    "shown": "shown",
    "ended": "ended by itself",
    "logprob": "mean log-probability",
    "tokens": "tokens",
    "ms": "ms",
}
_SHARES = frozenset(_NAMES) - {"logprob", "tokens", "ms"}


def _print_infilling(report: "Report") -> None:
    about, summary = report.about, report.summary
    what = [about["set"], "the references in the place of " * about["ceiling"] + about["model"]]
    what += [f"without {name}" for name in ("healing", "filters") if not about[name]]
    table = figures("measure", "")
    table.add_row("tasks", str(summary["tasks"]))
    table.add_row("pass@1", _shown("passed", summary["pass@1"]))
    for name in ("exact", "parses", "ended", "logprob", "tokens", "ms"):
        table.add_row(_NAMES[name], _shown(name, summary[name]))
    for name in ("stops", "verdicts"):
        for one, count in summary[name].items():
            share = _shown("passed", count / summary["tasks"])
            table.add_row(f"{'stopped' if name == 'stops' else 'test'}: {one}", share)
    output().print(", ".join(what), highlight=False)
    output().print(table)


def _print_holes(report: "Report") -> None:
    metrics = ("shown", "exact", "similarity", "identifiers", "parses", "no_worse", "tokens")
    summary: dict[str, Any] = report.summary
    table = figures("", "holes", *(_NAMES[name] for name in metrics), "p50 ms", "p95 ms")
    groups = [("all", summary["all"]), *summary["languages"].items(), *summary["kinds"].items()]
    for index, (name, group) in enumerate(groups):
        table.add_row(
            name,
            str(group["holes"]),
            *(_shown(metric, group[metric]) for metric in metrics),
            _shown("ms", group["p50_ms"]),
            _shown("ms", group["p95_ms"]),
            end_section=index in (0, len(summary["languages"])),
        )
    output().print(table)
    if summary["filters"]:
        table = figures("filter", "right answers won", "right answers lost", "else changed")
        for name, counts in summary["filters"].items():
            table.add_row(name, *(str(counts[one]) for one in ("won", "lost", "changed")))
        output().print(table)


def _shown(metric: str, value: float | None, *, signed: bool = False) -> str:
    """Return a value as a percentage, a plain number, or a dash if there is none."""
    if value is None:
        return "-"
    sign = "+" if signed else ""
    if metric in _SHARES:
        return f"{100 * value:{sign}.1f}%"
    return f"{value:{sign}.3f}" if metric == "logprob" else f"{value:{sign}.1f}"
