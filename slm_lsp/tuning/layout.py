"""How examples are laid out: in the model's own fill-in-the-middle format or, if it has none, in one it is
taught."""

from dataclasses import dataclass

from slm_lsp.errors import ModelInvalid
from slm_lsp.prompt.formats import PromptFormat, detect
from slm_lsp.tokens.vocabulary import END_OF_TEXT, Vocabulary

RENAMED = {"<issue_comment>": "[SUFFIX]", "<issue_closed>": "[PREFIX]"}
"""Special tokens that StarCoder's and SmolLM's vocabularies have for issue threads and no code contains, and
the names, known to `slm_lsp.prompt.formats`, that they take over: the suffix first, and no middle token, so
that the middle is a plain continuation of the prefix and typing only appends to the prompt."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A prompt format, the id that ends a middle, and what a model has to learn of them.

    `trained` are the ids whose embeddings are trained; `rename` what the adapter calls special tokens.
    """

    format: PromptFormat
    end: int
    trained: tuple[int, ...]
    rename: dict[str, str]


def layout(vocabulary: Vocabulary) -> Layout:
    """Return the layout for a model's vocabulary.

    Raises:
        ModelInvalid: it has no markers, none that could be taken over, or nothing that ends a text.
    """
    special = vocabulary.special
    end = next((special[text] for text in END_OF_TEXT if text in special), None)
    if end is None:
        raise ModelInvalid(
            "the model's tokenizer has no token that ends a text; choose another model to tune."
        )
    format = detect(vocabulary)
    if format.fills:
        return Layout(format, end, (), {})
    if not all(name in special for name in RENAMED):
        raise ModelInvalid(
            "the model has no fill-in-the-middle tokens, nor any to spare; choose another to tune."
        )
    suffix, prefix = (special[name] for name in RENAMED)
    taught = PromptFormat(
        "slm",
        fills=True,
        suffix_first=True,
        stop_ids=format.stop_ids,
        bos_id=format.bos_id,
        start_id=format.start_id,
        prefix_id=prefix,
        suffix_id=suffix,
    )
    return Layout(taught, end, (suffix, prefix, end), dict(RENAMED))
