"""``textDocument/didOpen``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """Take a document that was opened, and let the engine read it."""
    document = ls.documents.open(params.text_document).snapshot()
    ls.service.contexts.workspace.open(document)
    ls.service.opened(document)
