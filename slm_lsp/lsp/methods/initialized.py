"""``initialized``: the model is loaded and the workspace indexed from here on, in the background."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


async def initialized(ls: Server, params: types.InitializedParams) -> None:
    """Ask for the client's settings, load the model that they name, begin to count, index the workspace."""
    await ls.configuration.follow()
    ls.count()
    await ls.folders.start()
