"""``workspace/didChangeWatchedFiles``."""

from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from slm_lsp.lsp.session import Server


def did_change_watched_files(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Pass on which files were made, changed or deleted."""
    for change in params.changes:
        if path := to_fs_path(change.uri):
            ls.service.contexts.workspace.changed(Path(path))
