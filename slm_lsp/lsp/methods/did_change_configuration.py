"""``workspace/didChangeConfiguration``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


async def did_change_configuration(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    """Take the client's settings again."""
    await ls.configuration.changed(params.settings)
