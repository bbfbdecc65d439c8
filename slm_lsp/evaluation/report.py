"""What an evaluation found, as a JSON file: what was measured, a summary, and a row for every task."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slm_lsp import __version__
from slm_lsp.completion.model import LoadedModel
from slm_lsp.errors import SlmLspError, UsageError

FORMAT = "slm-lsp-eval-1"
"""Marks a file as ours, and its layout."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """One run of an evaluation.

    `kind` is "infilling" or "holes". `about` says what was measured and with what; runs can be compared if
    their kind and their `about` agree in set, limit or number of holes, seed and `tasks`, a digest of the
    tasks. Each row has an "id" and one value for each metric, None where the metric says nothing.
    """

    kind: str
    about: dict[str, Any]
    summary: dict[str, Any]
    rows: list[Row]

    def save(self, path: Path) -> None:
        """Write the report; the file appears only when it is complete.

        Raises:
            SlmLspError: it can't be written.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, allow_nan=False)
        partial = path.with_name(f"{path.name}.partial")
        try:
            partial.write_text(text + "\n", "utf-8")
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise SlmLspError(f"{path} can't be written ({error.strerror}); name another file.") from error


def load(path: Path) -> Report:
    """Read a report, or those of a folder as one: of several repositories, for example.

    Raises:
        UsageError: there is no such file, or it is none of ours.
    """
    if not path.is_dir():
        return _load(path)
    files = sorted(path.glob("*.json"))
    if not files:
        raise UsageError(f"{path} holds no .json file; name a folder of what `--json` wrote.")
    parts = [_load(file) for file in files]
    rows = [
        {**row, "id": f"{file.name}:{row['id']}"}
        for file, part in zip(files, parts, strict=True)
        for row in part.rows
    ]
    about = {name: [part.about.get(name) for part in parts] for name in parts[0].about}
    return Report(parts[0].kind, about, {}, rows)


def _load(path: Path) -> Report:
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path} can't be read ({error.strerror}); name a file that `--json` wrote."
        ) from error
    except ValueError:
        raise UsageError(f"{path} is not JSON; name a file that `slm-lsp eval … --json` wrote.") from None
    try:
        ours = data["format"] == FORMAT and all(isinstance(row["id"], str) for row in data["rows"])
        report = Report(data["kind"], dict(data["about"]), dict(data["summary"]), data["rows"])
    except (KeyError, TypeError, ValueError):
        ours = False
    if not ours:
        raise UsageError(
            f"{path} is not a file that `slm-lsp eval … --json` of this version wrote; measure again."
        )
    return report


def check_target(path: Path) -> None:
    """Find out before a long run whether its report can be written.

    Raises:
        UsageError: it can't.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file for the JSON.")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}; make it, or name another file for the JSON.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path} can't be written; name another file for the JSON.")


def equipment(model: LoadedModel) -> dict[str, Any]:
    """Return what a report says of the model and of the program."""
    info = model.engine.info
    return {
        "version": __version__,
        "model": model.name,
        "format": model.format.family,
        "backend": info.backend,
        "precision": info.precision,
        "device": info.device,
        "threads": info.threads,
    }


def digest(tasks: Iterable[Sequence[str]]) -> str:
    """Return a digest of the tasks' ids and texts, in their order."""
    return hashlib.sha256(json.dumps([list(task) for task in tasks]).encode()).hexdigest()[:16]


def mean(rows: Sequence[Mapping[str, Any]], metric: str) -> float | None:
    """Return the mean of a metric over the rows in which it says something; None if there are none."""
    values = [float(row[metric]) for row in rows if row[metric] is not None]
    return float(np.mean(values)) if values else None


def percentile(rows: Sequence[Mapping[str, Any]], metric: str, percent: float) -> float | None:
    """Return a percentile of a metric over the rows in which it says something; None if there are none."""
    values = [float(row[metric]) for row in rows if row[metric] is not None]
    return float(np.percentile(values, percent)) if values else None
