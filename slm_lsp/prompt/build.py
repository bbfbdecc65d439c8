"""From the text around the cursor to a prompt in token ids."""

from dataclasses import dataclass

from slm_lsp.errors import ModelError
from slm_lsp.prompt.budget import prefix_windows, shares, suffix_ids
from slm_lsp.prompt.formats import PromptFormat
from slm_lsp.tokens.healing import Healed, TailConstraint, split
from slm_lsp.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and the end of the prefix that the model has to write again.

    The text that comes of `ids` begins with `tail`, which is no part of the suggestion; `constraint` sees to
    it, and is None if there is no tail. `prefix_tokens` and `suffix_tokens` count ids of the prompt, `healed`
    those that the tail took off it: room is left to write them again beside the suggestion's own tokens.
    """

    ids: list[int]
    tail: str
    constraint: TailConstraint | None
    prefix_tokens: int
    suffix_tokens: int
    healed: int


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
) -> Prompt:
    """Cut the text before and after the cursor to budgets in tokens, heal its end, and render it.

    The budgets shrink where they and `max_tokens` don't fit `context_length` together. The same text
    gives the same prompt, and its beginning stays for many keys (see `slm_lsp.prompt.budget`). Without
    `heal` the prompt ends where the cursor stands.

    Raises:
        ModelError: `max_tokens` leaves no room in the context.
    """
    room = context_length - max_tokens - len(format.render((), ()))
    if room < 1:
        raise ModelError(
            f"the model reads {context_length} tokens, which leaves no room for suggestions of {max_tokens}; "
            "set `maxTokens` lower."
        )
    before, after = shares(room, prefix_tokens, suffix_tokens if format.fills else 0)
    for window in prefix_windows(prefix, vocabulary, before):
        text = vocabulary.lead + window if window else ""
        healed = split(text, vocabulary) if heal else Healed(vocabulary.encode(text), "", 0)
        if len(healed.ids) + healed.dropped <= before:
            break
    rest = suffix_ids(suffix, vocabulary, after)
    return Prompt(
        ids=format.render(healed.ids, rest),
        tail=healed.tail,
        constraint=TailConstraint(vocabulary, healed.tail) if healed.tail else None,
        prefix_tokens=len(healed.ids),
        suffix_tokens=len(rest),
        healed=healed.dropped,
    )
