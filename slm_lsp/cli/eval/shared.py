"""What the commands of ``slm-lsp eval`` share: options, the run with its bar, and how figures are shown."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from slm_lsp.cli.terminal import counting_bar
from slm_lsp.config import Settings, options
from slm_lsp.errors import UsageError

if TYPE_CHECKING:
    from slm_lsp.completion.model import LoadedModel

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
Greedy = Annotated[
    bool,
    typer.Option(
        "--greedy", help="Write one text, the likeliest token each time, instead of searching for several."
    ),
]
Model = Annotated[str, typer.Option(help=options()["model"].doc)]
Adapter = Annotated[str, typer.Option(help=options()["adapter"].doc, show_default=False)]

Precision = Annotated[str, typer.Option(help=options()["precision"].doc)]

T = TypeVar("T")


class Follow(Protocol):
    """Gathers rows while a bar follows them."""

    def __call__(self, rows: Iterable[T], /) -> list[T]: ...  # noqa: D102


@contextmanager
def run(settings: Settings, total: int, what: str) -> Iterator[tuple["LoadedModel", Follow]]:
    """Load the model, and yield it with a function that gathers rows while a bar on stderr follows them."""
    from slm_lsp.completion.loading import load

    with counting_bar() as bar:
        task = bar.add_task("loading the model", total=None)
        loaded = load(settings, lambda done, doing: bar.update(task, description=doing))
        bar.update(task, description=what, total=total)

        def follow(rows: Iterable[T]) -> list[T]:
            gathered = []
            for row in rows:
                gathered.append(row)
                bar.advance(task)
            return gathered

        try:
            yield loaded, follow
        finally:
            loaded.close()


def chosen_settings(model: str, adapter: str, precision: str) -> Settings:
    """Return the settings that name what is measured."""
    return Settings(
        model=_checked("model", model),
        adapter=_checked("adapter", adapter),
        precision=_checked("precision", precision),
    )


def _checked(name: str, value: str) -> str:
    try:
        checked: str = options()[name].check(value)
    except ValueError as error:
        raise UsageError(f"--{name} must be {error}, not {value!r}.") from None
    return checked


NAMES = {
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
"""What the metrics are called in tables."""

_SHARES = frozenset(NAMES) - {"logprob", "tokens", "ms"}


def shown(metric: str, value: float | None, *, signed: bool = False) -> str:
    """Return a value as a percentage, a plain number, or a dash if there is none."""
    if value is None:
        return "-"
    sign = "+" if signed else ""
    if metric in _SHARES:
        return f"{100 * value:{sign}.1f}%"
    return f"{value:{sign}.3f}" if metric == "logprob" else f"{value:{sign}.1f}"
