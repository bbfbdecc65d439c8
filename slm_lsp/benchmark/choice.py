"""Which model to choose: several side by side, as a picture, a page and JSON."""

import html
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_lsp.errors import SlmLspError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_SIDES = (((0, 12), "center"), ((12, -3), "left"), ((0, -18), "center"))
"""Where labels stand beside points that are on top of one another: how far off, and how aligned."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was measured of one model: shares from 0 to 1, milliseconds of an answer, bytes of weights."""

    name: str
    precision: str
    backend: str
    parameters: int
    memory: int
    similarity: float
    exact: float
    p50_ms: float
    p95_ms: float

    @property
    def label(self) -> str:
        """The name with the number format."""
        return f"{self.name} {self.precision}"


def front(choices: Sequence[Choice]) -> list[Choice]:
    """Return the Pareto front: what no other one beats in quality without being slower, the fastest first."""
    best, kept = -1.0, list[Choice]()
    for one in sorted(choices, key=lambda one: (one.p50_ms, -one.similarity)):
        if one.similarity > best:
            kept.append(one)
            best = one.similarity
    return kept


def write(choices: Sequence[Choice], about: dict[str, object], folder: Path) -> None:
    """Write ``models.png``, ``models.html`` and ``models.json``; `about` says what was measured.

    Raises:
        SlmLspError: matplotlib is missing, or the folder can't be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SlmLspError(
            "The picture needs matplotlib; install it with `pip install matplotlib`."
        ) from error
    figure = Figure(figsize=(7, 4), layout="constrained")
    _draw(figure, choices)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    best = front(choices)
    rows = [{**asdict(one), "front": one in best} for one in choices]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "models.png", dpi=110)
        (folder / "models.json").write_text(json.dumps({**about, "models": rows}, indent=1) + "\n", "utf-8")
        (folder / "models.html").write_text(page(choices, about, drawn.getvalue()), "utf-8")
    except OSError as error:
        raise SlmLspError(f"{folder} can't be written ({error.strerror}); name another folder.") from error


def page(choices: Sequence[Choice], about: dict[str, object], svg: str) -> str:
    """Return the page, which needs no other file: the picture and the table."""
    best = front(choices)
    columns = ("model", "parameters", "weights", "edit similarity", "exact", "ms, median", "ms, 95%", "")
    cells = [
        (
            one.label,
            f"{one.parameters / 1e6:,.0f} M",
            f"{one.memory / 1e6:,.0f} MB",
            f"{100 * one.similarity:.1f}%",
            f"{100 * one.exact:.1f}%",
            f"{one.p50_ms:,.0f}",
            f"{one.p95_ms:,.0f}",
            "on the front" if one in best else "",
        )
        for one in sorted(choices, key=lambda one: one.p50_ms)
    ]
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "\n".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    said = html.escape(", ".join(f"{name}: {value}" for name, value in about.items()))
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Models</title>
<style>
body {{ font: 15px sans-serif; margin: 2em; max-width: 60em }}
td, th {{ padding: .2em .8em; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
</style>
<h1>Which model to choose</h1>
<p>{said}</p>
{svg[svg.index("<svg") :]}
<table><tr>{head}</tr>
{body}</table>
</html>
"""


def _draw(figure: "Figure", choices: Sequence[Choice]) -> None:
    """Draw parameters (log) across, quality up, latency as colour, memory as size, and mark the front."""
    axes, best = figure.add_subplot(), front(choices)
    points = axes.scatter(
        [one.parameters for one in choices],
        [100 * one.similarity for one in choices],
        s=[60 + one.memory / 4e6 for one in choices],
        c=[one.p50_ms for one in choices],
        cmap="viridis_r",
        edgecolors=["red" if one in best else "none" for one in choices],
        linewidths=2,
    )
    seen = Counter[int]()
    for one in sorted(choices, key=lambda one: -one.similarity):
        # The number formats of a model stand above one another.
        place, side = _SIDES[seen[one.parameters] % len(_SIDES)]
        seen[one.parameters] += 1
        axes.annotate(
            one.label,
            (one.parameters, 100 * one.similarity),
            xytext=place,
            textcoords="offset points",
            ha=side,
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.margins(0.25)
    axes.set_xlabel("parameters (size of a point: memory of the weights)")
    axes.set_ylabel("edit similarity, %")
    axes.set_title("red rim: nothing better is as fast", fontsize=9)
    figure.colorbar(points, label="ms of an answer, median")
