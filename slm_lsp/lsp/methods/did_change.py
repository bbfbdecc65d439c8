"""``textDocument/didChange``, full and incremental."""

from collections.abc import Sequence

from lsprotocol import types

from slm_lsp.lsp.session import Server

KEYSTROKE = 2
"""Characters of an edit that was typed by hand: a key, and the bracket that the editor closed."""


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """Apply edits to a document, and stop what was being written for the text before them."""
    change(ls, params.text_document, params.content_changes)


def change(
    ls: Server,
    identifier: types.VersionedTextDocumentIdentifier,
    changes: Sequence[types.TextDocumentContentChangeEvent],
) -> None:
    """Apply edits, and tell of them and of where the last one ends."""
    edits = ls.documents.change(identifier, changes)
    document = ls.documents.get(identifier.uri)
    if document is None:
        return
    ls.service.contexts.workspace.edit(document.snapshot(), edits)
    line = column = 0
    last = changes[-1] if changes else None
    if isinstance(last, types.TextDocumentContentChangePartial):
        start, text = last.range.start, last.text
        below = text.count("\n")
        # The service counts code points; what was typed has them as they are.
        line, column = document.locate(start.line, start.character)
        line, column = (
            (line + below, len(text) - text.rfind("\n") - 1) if below else (line, column + len(text))
        )
    typed = sum(len(one.text) for one in changes if len(one.text.strip()) <= KEYSTROKE)
    ls.statistics.typed(document.language, typed)
    ls.service.edited(document.snapshot(), line, column)
