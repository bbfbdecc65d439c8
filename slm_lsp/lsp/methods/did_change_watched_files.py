"""``workspace/didChangeWatchedFiles``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server
from slm_lsp.lsp.uris import to_path


def did_change_watched_files(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Pass on which files were made, changed or deleted."""
    for change in params.changes:
        if path := to_path(change.uri):
            ls.service.contexts.workspace.changed(path)
