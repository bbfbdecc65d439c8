"""``textDocument/completion``: one entry in the popup, for clients without ghost text."""

import re
from dataclasses import replace
from textwrap import dedent

from lsprotocol import types

from slm_lsp.completion.request import CompletionItem, CompletionRequest, Trigger
from slm_lsp.lsp.convert import accept, replaced, request
from slm_lsp.lsp.session import Server
from slm_lsp.text.lines import split

LABEL_LENGTH = 60
"""Characters of a label, so that the popup stays narrow; the documentation shows the whole text."""


async def completion(ls: Server, params: types.CompletionParams) -> types.CompletionList:
    """Return what the model would write at the cursor; incomplete, so that the client asks at each key.

    The protocol calls it invoked as well if the client asks by itself while a word is typed.
    """
    invoked = params.context and params.context.trigger_kind is types.CompletionTriggerKind.Invoked
    trigger = Trigger.INVOKED if invoked else Trigger.AUTOMATIC
    asked = request(ls, params.text_document, params.position, trigger)
    if ls.service.just_typed(asked):
        asked = replace(asked, trigger=Trigger.AUTOMATIC)
    result = await ls.service.complete(asked)
    return types.CompletionList(
        is_incomplete=True, items=[_entry(ls, asked, item) for item in result.items[:1]]
    )


def _entry(ls: Server, asked: CompletionRequest, item: CompletionItem) -> types.CompletionItem:
    line = asked.document.lines[asked.line]
    # Clients keep an entry if it goes on from the word that is being typed, so the edit takes that word in.
    start = min(item.start, _word_start(line, asked.column))
    text = line[start : item.start] + item.text
    first = split(text)[0].rstrip("\r\n")
    typed = line[start : asked.column]
    return types.CompletionItem(
        label=_label(text),
        kind=types.CompletionItemKind.Text,
        detail="slm-lsp",
        documentation=_preview(ls, asked, line[:start] + text),
        preselect=True,
        filter_text=(first if first.startswith(typed) else typed) or None,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs if ls.client.insert_text_mode else None,
        text_edit=types.TextEdit(replaced(ls, asked, start, item.end), text),
        command=accept(item),
    )


def _word_start(line: str, column: int) -> int:
    while column and (line[column - 1].isalnum() or line[column - 1] == "_"):
        column -= 1
    return column


def _label(text: str) -> str:
    shown = text.strip()
    label = split(shown)[0].rstrip()
    return label if label == shown and len(label) <= LABEL_LENGTH else label[:LABEL_LENGTH] + "…"


def _preview(ls: Server, asked: CompletionRequest, text: str) -> types.MarkupContent | str:
    text = dedent("\n".join(line.rstrip("\r\n") for line in split(text)))
    if not ls.client.markdown:
        return text
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return types.MarkupContent(
        types.MarkupKind.Markdown, f"{fence}{asked.document.language}\n{text}\n{fence}"
    )
