"""The folders whose own settings may name models, files and addresses, because the user has allowed them."""

import os
from collections.abc import Iterable
from pathlib import Path

from slm_lsp.errors import SlmLspError
from slm_lsp.paths import state_dir

NAME = "trusted"
"""The file in the state folder: one absolute path a line."""


def folders() -> list[Path]:
    """Return the allowed folders; what lies in one is allowed with it."""
    try:
        lines = _file().read_text("utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return []
    except OSError as error:
        raise SlmLspError(f"{_file()} can't be read ({error.strerror}); check its permissions.") from error
    return [Path(line) for line in lines if line]


def allow(folder: Path) -> None:
    """Allow a folder."""
    _write({*folders(), folder.resolve()})


def withdraw(folder: Path) -> bool:
    """Allow a folder no longer; returns whether it was allowed."""
    kept = set(folders()) - {folder.resolve()}
    was = len(kept) < len(folders())
    _write(kept)
    return was


def covers(workspace: Iterable[Path]) -> bool:
    """Whether every folder of a workspace is allowed; a session without any has no settings of its own."""
    wanted = [folder.resolve() for folder in workspace]
    if not wanted:
        return True
    try:
        allowed = folders()
    except SlmLspError:
        return False
    return all(any(one.is_relative_to(each) for each in allowed) for one in wanted)


def _file() -> Path:
    return state_dir() / NAME


def _write(kept: set[Path]) -> None:
    file = _file()
    partial = file.with_name(f"{NAME}.{os.getpid()}")
    try:
        partial.write_text("".join(f"{path}\n" for path in sorted(kept)), "utf-8")
        partial.replace(file)
    except OSError as error:
        raise SlmLspError(f"{file} can't be written ({error.strerror}); check its permissions.") from error
