"""Between the protocol's types and those of `slm_lsp.completion`."""

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from slm_lsp.completion.request import CompletionItem, CompletionRequest, PopupEntry, Trigger
from slm_lsp.lsp.session import Server
from slm_lsp.text.document import Document

ACCEPTED = "slm-lsp.accepted"
"""The command that the client runs once the user has accepted an item."""


def request(
    ls: Server,
    identifier: types.TextDocumentIdentifier,
    position: types.Position,
    trigger: Trigger,
    selected: types.SelectedCompletionInfo | None = None,
) -> CompletionRequest:
    """Return what the client asks, about the document as it is now.

    Raises:
        JsonRpcInvalidParams: the document is not open, or the popup's entry is not on the cursor's line.
    """
    document = ls.documents.get(identifier.uri)
    if document is None:
        raise JsonRpcInvalidParams("The document is not open; send `textDocument/didOpen` first.")
    line, column = document.locate(position.line, position.character)
    preceding, following = ls.documents.around(document)
    return CompletionRequest(
        document.snapshot(),
        line,
        column,
        trigger,
        _popup(document, selected, line) if selected else None,
        preceding,
        following,
    )


def _popup(document: Document, selected: types.SelectedCompletionInfo, line: int) -> PopupEntry:
    start = document.locate(selected.range.start.line, selected.range.start.character)
    end = document.locate(selected.range.end.line, selected.range.end.character)
    if not (start[0] == end[0] == line and start <= end):
        raise JsonRpcInvalidParams("The range of `selectedCompletionInfo` must lie on the cursor's line.")
    return PopupEntry(selected.text, start[1], end[1])


def replaced(ls: Server, asked: CompletionRequest, start: int, end: int) -> types.Range:
    """Return the range from one column to another of the request's line, in the client's units."""
    line, units = asked.document.lines[asked.line], ls.documents.encoding.units
    return types.Range(
        types.Position(asked.line, units(line, start)), types.Position(asked.line, units(line, end))
    )


def accept(item: CompletionItem) -> types.Command:
    """Return the command that reports the acceptance of `item`."""
    return types.Command(title="Accept the suggestion", command=ACCEPTED, arguments=[item.id])
