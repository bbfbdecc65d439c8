"""From the text around the cursor, and the context of the place, to a prompt in token ids."""

from dataclasses import dataclass, replace

from slm_lsp.errors import ModelError
from slm_lsp.prompt import chat
from slm_lsp.prompt.budget import CHARS_PER_TOKEN, prefix_windows, shares, suffix_ids
from slm_lsp.prompt.context import Context, choose, hidden, lead
from slm_lsp.prompt.formats import PromptFormat
from slm_lsp.prompt.layout import Layout, arrange
from slm_lsp.secrecy import mask_around
from slm_lsp.text.snippet import Snippet
from slm_lsp.tokens.healing import Healed, split
from slm_lsp.tokens.vocabulary import Vocabulary

CONTEXT_SHARE = 3
"""The context gets at most one in so many tokens of what the model can read."""

LAST = 16
"""Ids of `Prompt.last`."""

NAMES_ROOM = 32
"""Tokens kept free for the names of the repository and of the current file, where they go beside the rest."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and the end of the prefix that the model has to write again.

    The text that comes of `ids` is to begin with `tail`, which is no part of the suggestion (see
    `slm_lsp.tokens.healing.TailConstraint`). `prefix_tokens` and `suffix_tokens` count ids of the prompt,
    `healed` those that the tail took off it: room is left to write them again beside the suggestion's own
    tokens. `context_tokens` are those of the `snippets`, which stand in the prompt in this order, of the path
    and of `lead`: what the prefix begins with that is not seen in its place.
    """

    ids: list[int]
    tail: str
    prefix_tokens: int
    suffix_tokens: int
    healed: int
    context_tokens: int = 0
    snippets: tuple[Snippet, ...] = ()
    lead: str = ""
    begun: str | None = None
    last: tuple[int, ...] = ()


def build(
    vocabulary: Vocabulary,
    format: PromptFormat,
    prefix: str,
    suffix: str,
    *,
    prefix_tokens: int,
    suffix_tokens: int,
    context_length: int,
    max_tokens: int,
    heal: bool = True,
    context: Context | None = None,
) -> Prompt:
    """Cut the text before and after the cursor to budgets in tokens, heal its end, and render it.

    What looks like a secret in it is masked (see `slm_lsp.secrecy.masking`); the `context` is masked already.
    The budgets shrink where they and `max_tokens` don't fit `context_length` together. The same text
    gives the same prompt, and its beginning stays for many keys (see `slm_lsp.prompt.budget`). Without
    `heal` the prompt ends where the cursor stands.

    Raises:
        ModelError: `max_tokens` leaves no room in the context.
    """
    markers = len(_rendered(format, vocabulary, Layout([], ""), "", [], False)[0])
    room = context_length - max_tokens - markers
    if room < 1:
        raise ModelError(
            f"the model reads {context_length} tokens, which leaves no room for suggestions of {max_tokens}; "
            "set `maxTokens` lower."
        )
    if context:
        context = replace(context, tokens=min(context.tokens, room // CONTEXT_SHARE))
        room -= min(room - 1, context.tokens + NAMES_ROOM)
    before, after = shares(room, prefix_tokens, suffix_tokens if format.fills else 0)
    # `prefix_windows` begins at a multiple of the budget.
    reach = (CHARS_PER_TOKEN + 1) * before, CHARS_PER_TOKEN * after
    prefix, suffix = mask_around(prefix, suffix, reach)
    rest = suffix_ids(suffix, vocabulary, after)
    last = vocabulary.decode(rest).count("\n")
    for window in prefix_windows(prefix, vocabulary, before):
        layout, snippets, head = _beside(context, vocabulary, format, window, last)
        layout = replace(layout, prefix=layout.prefix + head)
        ids, healed = _rendered(format, vocabulary, layout, window, rest, heal)
        beside = len(vocabulary.encode(layout.prefix))
        own = len(ids) - markers - len(rest) if format.chat else len(healed.ids)
        # Where the two texts meet, tokens may come out otherwise than in each of them.
        if own + healed.dropped <= before + beside + bool(beside):
            break
    return Prompt(
        ids=ids,
        tail=healed.tail,
        prefix_tokens=max(0, own - beside),
        suffix_tokens=len(rest),
        healed=healed.dropped,
        context_tokens=len(layout.ahead) + min(beside, max(0, own)),
        snippets=tuple(snippets),
        lead=head,
        begun=window.rpartition("\n")[2] if format.chat else None,
        last=tuple(healed.ids[-LAST:]),
    )


def _rendered(
    format: PromptFormat, vocabulary: Vocabulary, layout: Layout, window: str, rest: list[int], heal: bool
) -> tuple[list[int], Healed]:
    """Return a prompt's ids, and the end of the text before the cursor as it was healed."""
    if format.chat:
        return chat.render(format.chat, vocabulary, layout.prefix, window, vocabulary.decode(rest), heal)
    text = layout.prefix + window
    text = text if layout.ahead and not format.fills else vocabulary.lead + text if text else ""
    healed = split(text, vocabulary) if heal else Healed(vocabulary.encode(text), "", 0)
    return format.render(healed.ids, rest, layout.ahead), healed


def _beside(
    context: Context | None, vocabulary: Vocabulary, format: PromptFormat, window: str, below: int
) -> tuple[Layout, list[Snippet], str]:
    """Return what is shown beside a window of the prefix, and beside the `below` lines after the cursor."""
    if context is None:
        return Layout([], ""), [], ""

    def tokens(text: str) -> int:
        return len(vocabulary.encode(text))

    found = context.found
    first, last = context.line - window.count("\n"), context.line + below
    path = tokens(arrange(format, vocabulary, found, ()).prefix)
    if path > context.tokens // CONTEXT_SHARE:
        found, path = replace(found, path=""), 0
    needed = tokens("".join(piece.text for piece in hidden(found.pieces, first, last)))
    snippets, budget = choose(context, vocabulary, needed + path)
    head = lead(found.pieces, first, last, budget - path, tokens)
    return arrange(format, vocabulary, found, snippets), snippets, head
