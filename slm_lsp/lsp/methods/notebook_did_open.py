"""``notebookDocument/didOpen``."""

from lsprotocol import types

from slm_lsp.lsp.session import Server


def did_open(ls: Server, params: types.DidOpenNotebookDocumentParams) -> None:
    """Take a notebook that was opened, with its cells."""
    for cell in params.cell_text_documents:
        ls.service.contexts.workspace.open(ls.documents.open(cell).snapshot())
    ls.documents.open_notebook(params.notebook_document.uri, params.notebook_document.cells)
