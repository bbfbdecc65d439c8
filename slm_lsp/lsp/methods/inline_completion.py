"""``textDocument/inlineCompletion``: ghost text."""

from lsprotocol import types

from slm_lsp.completion.request import Trigger
from slm_lsp.lsp.convert import accept, replaced, request
from slm_lsp.lsp.session import Server

TRIGGERS = {
    types.InlineCompletionTriggerKind.Invoked: Trigger.INVOKED,
    types.InlineCompletionTriggerKind.Automatic: Trigger.AUTOMATIC,
}


async def inline_completion(ls: Server, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Return what the model would write at the cursor."""
    asked = request(
        ls,
        params.text_document,
        params.position,
        TRIGGERS[params.context.trigger_kind],
        params.context.selected_completion_info,
    )
    result = await ls.service.complete(asked)
    return types.InlineCompletionList(
        [
            types.InlineCompletionItem(
                insert_text=item.text,
                range=replaced(ls, asked, item.start, item.end),
                command=accept(item),
            )
            for item in result.items
        ]
    )
