"""``slm-lsp forget``: deletes what is kept of the user's code."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.context.index import root_of
from slm_lsp.errors import SlmLspError
from slm_lsp.models.store import ADAPTER_FILE, tuning_dir
from slm_lsp.paths import index_dir


def forget(
    path: Annotated[
        Path | None, typer.Argument(help="A folder of code.", show_default="all that was ever indexed")
    ] = None,
    adapters: Annotated[
        bool, typer.Option("--adapters", help="Delete the adapters that were tuned on it as well.")
    ] = False,
) -> None:
    """Delete what is kept of the code in a folder, or of all code: indexes, memory, and examples of `tune`.

    A server that runs makes the index anew when it is next started; the setting `index` prevents that.
    Counts of suggestions, which hold no code, are deleted by `slm-lsp stats --reset`.
    """
    wanted = path.resolve() if path else None
    count = 0
    for one in (*_kept(wanted), *_examples(wanted, adapters)):
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
    typer.echo(f"{count} files and folders are deleted; nothing is kept of {what}.")


def _kept(wanted: Path | None) -> Iterator[Path]:
    """Yield the files beside the models that tell of code: indexes, and what was remembered of it."""
    folder = index_dir()
    if wanted is None:
        yield from sorted(folder.iterdir())
        return
    for file in sorted(folder.glob("*.sqlite")):
        root = root_of(file)
        # One that is damaged might be anyone's.
        if root is None or root.is_relative_to(wanted):
            yield from sorted(folder.glob(f"{file.stem}.*"))
    # The names of files stand in JSON behind what is remembered of them.
    name = json.dumps(str(wanted))[1:-1].encode()
    yield from (file for file in sorted(folder.glob("*.memory")) if name in file.read_bytes())


def _examples(wanted: Path | None, adapters: bool) -> Iterator[Path]:
    """Yield what runs of `tune` have left: whole runs with their adapters, or all but those."""
    for run in sorted(tuning_dir().glob("*/")):
        if wanted is not None and not any(path.is_relative_to(wanted) for path in _learned_from(run)):
            continue
        if adapters:
            yield run
        else:
            yield from (one for one in sorted(run.iterdir()) if one.name != ADAPTER_FILE)


def _learned_from(run: Path) -> list[Path]:
    for examples in ("examples", "held-out"):
        try:
            about = json.loads((run / examples / "about.json").read_text("utf-8"))
            return [Path(path).resolve() for path in about["paths"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return []
