"""``slm-lsp context``: what the model is shown at a place in a file, part by part."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.complete import harmless, loading, parse_target, request_at
from slm_lsp.completion.request import Reason
from slm_lsp.config import Settings, options
from slm_lsp.errors import SlmLspError

PATIENCE = 10_000
"""Milliseconds in which the context must be found; nobody is typing."""


def context(
    target: Annotated[
        str,
        typer.Argument(metavar="FILE:LINE[:COLUMN]", help="The place, counted from 1.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the prompt as a whole.")] = False,
    model: Annotated[str, typer.Option(help=options()["model"].doc)] = Settings().model,
) -> None:
    """Show what the model sees beside the text at the cursor: each part with source, score and tokens.

    First comes what memory says of the next token: what stands elsewhere too, what followed it there, and its
    weight beside a model in doubt; then the names that may stand there, as far as the code
    tells. The other files are those of the repository around the file, or of its folder.
    """
    from slm_lsp.completion.context import Contexts
    from slm_lsp.completion.loading import load
    from slm_lsp.completion.shown import shown
    from slm_lsp.context.workspace import Workspace

    request = request_at(parse_target(target), None)
    workspace = Workspace()
    if not workspace.permissions(request.document):
        raise SlmLspError(f"nothing of {target} is shown: {Reason.FILE_IGNORED.value}.")
    settings = replace(Settings(), model=model, context_time_limit=PATIENCE, memory=True, names=True)
    with loading() as progress:
        loaded = load(settings, progress)
    path = request.document.path or Path.cwd() / "none"
    root = next((folder for folder in path.parents if (folder / ".git").exists()), path.parent)
    with tempfile.TemporaryDirectory(prefix="slm-lsp-") as folder:
        workspace.index(root, Path(folder), watched=True)
        workspace.settle()
        contexts = Contexts(workspace)
        contexts.memory.settle(loaded.vocabulary, settings.memory_size)
        seen = shown(loaded, replace(request, contexts=contexts), settings)
        contexts.shut_down()
    if as_json:
        typer.echo(json.dumps(seen.as_json(), indent=2))
        return
    for one in seen.parts:
        head = f"{one.part} · {one.path} · {one.source} · score {one.score} · {one.tokens} tokens"
        typer.secho(harmless(head), fg=typer.colors.CYAN, bold=True)
        typer.echo(harmless(f"{one.text}\n"))
    typer.secho(
        f"{seen.tokens['context']} tokens of context, {seen.tokens['prefix']} before the cursor, "
        f"{seen.tokens['suffix']} after it",
        bold=True,
    )
