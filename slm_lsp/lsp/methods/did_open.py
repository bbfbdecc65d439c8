"""``textDocument/didOpen``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """Take a document that was opened."""
    ls.documents.open(params.text_document)
