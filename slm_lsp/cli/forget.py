"""``slm-lsp forget``: deletes what is kept of the user's code."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.completion.kept import kept
from slm_lsp.errors import SlmLspError
from slm_lsp.models.store import ADAPTER_FILE, merged_with, tuning_dir
from slm_lsp.paths import index_dir

HELD_OUT, ABOUT = "held-out", "about.json"
"""In a run of `tune`: a folder of examples, and the file in it that says what they are from."""


def forget(
    path: Annotated[
        Path | None, typer.Argument(help="A folder of code.", show_default="all that was ever indexed")
    ] = None,
    adapters: Annotated[
        bool, typer.Option("--adapters", help="Delete the adapters that were tuned on it as well.")
    ] = False,
) -> None:
    """Delete what is kept of the code in a folder, or of all code: indexes, memory, and examples of `tune`.

    What is kept of a folder together with others goes whole. A server that runs has it in memory still, and
    may write it again: stop it first. The setting `index` keeps it from being made anew, `memory` that part.
    Counts of suggestions, which hold no code, are deleted by `slm-lsp stats --reset`.
    """
    wanted = path.resolve() if path else None
    learned = [run for run in sorted(tuning_dir().glob("*/")) if _overlaps(_learned_from(run), wanted)]
    count = 0
    for one in dict.fromkeys((*_kept(wanted), *_examples(learned, adapters))):
        count += 1
        try:
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SlmLspError(
                f"{one} can't be deleted ({error.strerror}); stop your editor first."
            ) from error
    what = f"the code in {wanted}" if wanted else "any code"
    left = sum((run / ADAPTER_FILE).exists() for run in learned)
    but = f" but {left} adapters that were tuned on it, which --adapters deletes" if left else ""
    typer.echo(f"{count} files and folders are deleted; nothing is kept of {what}{but}.")


def _kept(wanted: Path | None) -> Iterator[Path]:
    """Yield the files beside the models that tell of code: indexes, and what was remembered of it."""
    folder = index_dir()
    if wanted is None:
        yield from sorted(folder.iterdir())
        return
    for files, roots in kept(folder):
        # What is damaged, or half written, might be anyone's.
        if roots is None or _overlaps(roots, wanted):
            yield from files


def _examples(learned: Iterable[Path], adapters: bool) -> Iterator[Path]:
    """Yield what runs of `tune` have left: whole runs with their adapters, or all but those."""
    for run in learned:
        tuned = run / ADAPTER_FILE
        if tuned.exists() and not adapters:
            yield from (one for one in sorted(run.iterdir()) if one not in (tuned, run / HELD_OUT))
            # By the names of the folders that it learned from the adapter itself can be forgotten later.
            yield from (one for one in sorted((run / HELD_OUT).glob("*")) if one.name != ABOUT)
            continue
        if tuned.exists():
            yield from merged_with(tuned)
        yield run


def _learned_from(run: Path) -> list[Path]:
    for examples in ("examples", HELD_OUT):
        try:
            about = json.loads((run / examples / ABOUT).read_text("utf-8"))
            return [Path(path) for path in about["paths"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return []


def _overlaps(paths: Iterable[Path], wanted: Path | None) -> bool:
    """Whether one of some folders lies in the wanted one, or that one in it; links are followed."""
    if wanted is None:
        return True
    real = [path.resolve() for path in paths]
    return any(one.is_relative_to(wanted) or wanted.is_relative_to(one) for one in real)
