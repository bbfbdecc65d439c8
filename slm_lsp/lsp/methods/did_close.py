"""``textDocument/didClose``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document that was closed."""
    close(ls, params.text_document.uri)


def close(ls: Server, uri: str) -> None:
    """Forget a document wherever it is known."""
    ls.documents.close(uri)
    ls.service.contexts.workspace.close(uri)
    ls.service.forget(uri)
