"""``slm-lsp engine``: the process that owns the engine of all windows; `slm-lsp serve --shared` starts it."""

import json
from typing import Annotated

import typer

from slm_lsp.cli.serve import log_to
from slm_lsp.config import Settings


def engine(settings: Annotated[str, typer.Argument(help="The engine's settings, as JSON.")]) -> None:
    """Own the engine that `slm-lsp serve --shared` serves with, until a minute after the last window."""
    log_to(None, 0)

    from slm_lsp.completion.sharing import serve

    serve(Settings(**json.loads(settings)))
