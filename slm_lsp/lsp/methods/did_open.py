"""``textDocument/didOpen``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """Take a document that was opened, and let the engine read it."""
    ls.documents.open(params.text_document)
    if document := ls.documents.get(params.text_document.uri):
        ls.service.opened(document.snapshot())
