"""``workspace/didChangeWorkspaceFolders``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


async def did_change_workspace_folders(ls: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Take folders that came, and let go of those that went."""
    await ls.folders.remove([folder.uri for folder in params.event.removed])
    await ls.folders.add([folder.uri for folder in params.event.added])
