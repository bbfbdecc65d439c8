"""``initialize``: answered at once; the model is loaded after `initialized`."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def initialize(ls: Server, params: types.InitializeParams) -> None:
    """Note what the client can do and wants; pygls answers with the capabilities."""
    ls.begin(params)
