"""The open documents and notebooks, as the client sends them."""

import logging
from collections.abc import Iterable, Sequence

from lsprotocol import types

from slm_lsp.lsp.uris import to_path
from slm_lsp.text.document import Change, Document, LineEdit, Span
from slm_lsp.text.positions import Encoding

log = logging.getLogger(__name__)


class Documents:
    """Every open document by its URI, cells of notebooks included; the event loop alone touches it."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._documents: dict[str, Document] = {}
        self._notebooks: dict[str, list[str]] = {}
        self._notebook_of: dict[str, str] = {}

    def get(self, uri: str) -> Document | None:
        """Return an open document."""
        return self._documents.get(uri)

    def open(self, item: types.TextDocumentItem) -> Document:
        """Take a document that was opened."""
        document = self._documents[item.uri] = Document(
            item.uri,
            str(item.language_id).lower(),
            item.version,
            item.text,
            encoding=self.encoding,
            path=to_path(item.uri),
        )
        return document

    def change(
        self,
        identifier: types.VersionedTextDocumentIdentifier,
        changes: Iterable[types.TextDocumentContentChangeEvent],
    ) -> list[LineEdit]:
        """Apply edits to an open document; returns what each did to its lines."""
        document = self._documents.get(identifier.uri)
        if document is None:
            log.warning("an edit was ignored: its document is not open")
            return []
        return document.apply(map(_change, changes), identifier.version)

    def close(self, uri: str) -> None:
        """Forget a document that was closed."""
        self._documents.pop(uri, None)

    def open_notebook(self, uri: str, cells: Iterable[types.NotebookCell]) -> None:
        """Take the order of a notebook's cells; their texts are opened as documents."""
        self._notebooks[uri] = []
        self.change_cells(uri, types.NotebookCellArrayChange(0, 0, list(cells)))

    def change_cells(self, uri: str, change: types.NotebookCellArrayChange) -> None:
        """Put cells in and take cells out."""
        order = self._notebooks.get(uri)
        if order is None:
            log.warning("a change of cells was ignored: their notebook is not open")
            return
        removed = slice(change.start, change.start + change.delete_count)
        for cell in order[removed]:
            self._notebook_of.pop(cell, None)
        order[removed] = [cell.document for cell in change.cells or ()]
        self._notebook_of.update((cell, uri) for cell in order)

    def close_notebook(self, uri: str) -> None:
        """Forget the order of a notebook's cells."""
        for cell in self._notebooks.pop(uri, ()):
            self._notebook_of.pop(cell, None)

    def around(self, document: Document) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the texts of the cells before and after a cell, in order; nothing for other documents.

        Only cells in the same language: prose and other languages between them are no code to go on from.
        """
        order = self._notebooks.get(self._notebook_of.get(document.uri, ""), [])
        if document.uri not in order:
            return (), ()
        at = order.index(document.uri)
        return self._texts(order[:at], document.language), self._texts(order[at + 1 :], document.language)

    def _texts(self, uris: Sequence[str], language: str) -> tuple[str, ...]:
        cells = (self._documents.get(uri) for uri in uris)
        return tuple("".join(cell.snapshot().lines) for cell in cells if cell and cell.language == language)


def _change(event: types.TextDocumentContentChangeEvent) -> Change:
    if isinstance(event, types.TextDocumentContentChangeWholeDocument):
        return Change(event.text)
    start, end = event.range.start, event.range.end
    return Change(event.text, Span(start.line, start.character, end.line, end.character))
