"""``notebookDocument/didChange``: cells put in, taken out, moved or edited."""

from lsprotocol import types

from slm_lsp.lsp.methods.did_change import change
from slm_lsp.lsp.methods.did_close import close
from slm_lsp.lsp.session import Server


def did_change(ls: Server, params: types.DidChangeNotebookDocumentParams) -> None:
    """Apply changes to a notebook's cells; metadata and execution results are of no concern."""
    cells = params.change.cells
    if cells is None:
        return
    if cells.structure:
        for opened in cells.structure.did_open or ():
            ls.service.contexts.workspace.open(ls.documents.open(opened).snapshot())
        ls.documents.change_cells(params.notebook_document.uri, cells.structure.array)
        for closed in cells.structure.did_close or ():
            close(ls, closed.uri)
    for edit in cells.text_content or ():
        change(ls, edit.document, edit.changes)
