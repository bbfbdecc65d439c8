"""The folders that slm-lsp keeps on disk, each made with mode 0700 when it is first asked for."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

from slm_lsp.errors import SlmLspError

CACHE_VARIABLE = "SLM_LSP_CACHE"
"""Environment variable that puts the cache folder elsewhere."""

STATE_VARIABLE = "SLM_LSP_STATE"
"""Environment variable that puts the state folder elsewhere."""

RUNTIME_VARIABLE = "SLM_LSP_RUNTIME"
"""Environment variable that puts the folder of sockets elsewhere."""


def cache_dir() -> Path:
    """Return the folder of what can be fetched or made again: models and indexes.

    Raises:
        SlmLspError: the folder can't be made.
    """
    return _made(CACHE_VARIABLE, user_cache_path("slm-lsp", appauthor=False))


def index_dir() -> Path:
    """Return the folder of the workspaces' indexes, within that of what can be made again.

    Raises:
        SlmLspError: the folder can't be made.
    """
    return _private(cache_dir() / "index")


def state_dir() -> Path:
    """Return the folder of what slm-lsp has learned and can't fetch again.

    Raises:
        SlmLspError: the folder can't be made.
    """
    return _private(_made(STATE_VARIABLE, user_state_path("slm-lsp", appauthor=False)))


def runtime_dir() -> Path:
    """Return the folder of what lasts no longer than the user's session: sockets.

    Raises:
        SlmLspError: the folder can't be made.
    """
    session = os.environ.get("XDG_RUNTIME_DIR")
    return _made(RUNTIME_VARIABLE, Path(session) / "slm-lsp" if session else state_dir() / "run")


def _made(variable: str, default: Path) -> Path:
    chosen = os.environ.get(variable)
    folder = Path(chosen).expanduser().absolute() if chosen else default
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SlmLspError(
            f"The folder {folder} can't be made ({error.strerror}); set {variable} to one that can."
        ) from error
    return folder


def _private(folder: Path) -> Path:
    """Make a folder that tells of the user's code, or see that nobody else may look into it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix" and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise SlmLspError(f"The folder {folder} can't be kept private ({error.strerror}).") from error
    return folder
