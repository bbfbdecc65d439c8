"""``slm-lsp trust``: which folders' own settings may name a model, a file or an address."""

from pathlib import Path
from typing import Annotated

import typer

from slm_lsp import trust as list_of
from slm_lsp.errors import UsageError


def trust(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder; what lies in it is allowed with it.", show_default="list them"),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Trust the folder no longer.")] = False,
) -> None:
    """Let the settings of a workspace name a model, a file or an address; without a folder, list them.

    Editors send a workspace's own settings together with yours. Those that name something to load or to
    connect to are taken only where the editor says that it trusts the workspace, or where you do here.
    """
    if folder is None:
        if remove:
            raise UsageError("name the folder that is to be trusted no longer.")
        for one in list_of.folders():
            typer.echo(str(one))
    elif remove:
        if not list_of.withdraw(folder):
            raise UsageError(f"{folder} is not trusted; `slm-lsp trust` lists the folders that are.")
        typer.echo(f"{folder.resolve()} is trusted no longer.")
    else:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder; name the workspace's.")
        list_of.allow(folder)
        typer.echo(f"{folder.resolve()} is trusted.")
