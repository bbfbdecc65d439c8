"""``notebookDocument/didClose``."""

from lsprotocol import types

from slm_lsp.lsp.methods.did_close import close
from slm_lsp.lsp.session import Server


def did_close(ls: Server, params: types.DidCloseNotebookDocumentParams) -> None:
    """Forget a notebook that was closed, with its cells."""
    ls.documents.close_notebook(params.notebook_document.uri)
    for cell in params.cell_text_documents:
        close(ls, cell.uri)
