"""``textDocument/didChange``, full and incremental."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """Apply edits to a document, and stop what was being written for the text before them."""
    ls.documents.change(params.text_document, params.content_changes)
    ls.service.edited(params.text_document.uri)
