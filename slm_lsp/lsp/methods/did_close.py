"""``textDocument/didClose``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document that was closed."""
    ls.documents.close(params.text_document.uri)
    ls.service.forget(params.text_document.uri)
