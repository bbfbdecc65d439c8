"""What the model is shown at a place, part by part, for people to look at."""

import math
from dataclasses import asdict, dataclass

from slm_lsp.completion.cursor import look
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import known_names, prompt_of, remembered
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.config import Settings
from slm_lsp.memory.kernels.plan import KINDS
from slm_lsp.memory.weights import OWN
from slm_lsp.prompt.build import Prompt
from slm_lsp.text.snippet import Part
from slm_lsp.tokens.healing import TailConstraint

LIKELIEST = 5
"""Tokens that are shown of what memory says."""

MOST_NAMES = 60
"""Names that are shown of those that may stand at the cursor."""

DOUBT = 2.0
"""Entropy, in nats, of a model in doubt: memory's weight beside it is its score."""


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A part of the context: what kind it is, where it is from, its score within its kind, and its text."""

    part: str
    path: str
    source: str
    score: float
    tokens: int
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The whole of it; `tokens` counts those of the context, and those before and after the cursor."""

    family: str
    tokens: dict[str, int]
    parts: tuple[ShownPart, ...]
    prompt: str

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


def shown(model: LoadedModel, request: CompletionRequest, settings: Settings) -> Shown:
    """Return what the model would be shown for a request.

    Raises:
        ModelError: the model can't hold the prompt.
    """
    prompt, vocabulary = prompt_of(model, request, settings), model.vocabulary
    parts = [*_recalled(model, request, settings, prompt), *_named(model, request, settings, prompt)]
    parts += [
        ShownPart(one.part.value, one.path, one.source, one.score, len(vocabulary.encode(one.text)), one.text)
        for one in prompt.snippets
    ]
    if prompt.lead:
        path = request.document.path
        name, tokens = path.name if path else "", len(vocabulary.encode(prompt.lead))
        parts.append(ShownPart(Part.FILE.value, name, "this file", 1.0, tokens, prompt.lead))
    counts = {
        "context": prompt.context_tokens,
        "prefix": prompt.prefix_tokens,
        "suffix": prompt.suffix_tokens,
    }
    return Shown(model.format.family, counts, tuple(parts), vocabulary.decode(prompt.ids))


def _named(
    model: LoadedModel, request: CompletionRequest, settings: Settings, prompt: Prompt
) -> list[ShownPart]:
    """Return the names that the code allows at the cursor, if it tells; their bonus is the score."""
    _, around = look(request)
    names = known_names(model, request, around, settings, prompt)
    if not names or not (one := names.first):
        return []
    listed = sorted(name for name in one.names if name.startswith(one.begun))
    said = ", ".join(listed[:MOST_NAMES]) + (" …" if len(listed) > MOST_NAMES else "")
    source = one.kind.value + (", and no others" if one.whole else "")
    return [ShownPart("names", "", source, names.bonus(one), len(model.vocabulary.encode(said)), said)]


def _recalled(
    model: LoadedModel, request: CompletionRequest, settings: Settings, prompt: Prompt
) -> list[ShownPart]:
    """Return what memory says of the next token: a part for each kind of source that says anything."""
    _, around = look(request)
    if not (recall := remembered(model, request, around, settings, prompt)):
        return []
    vocabulary, document = model.vocabulary, request.document
    allowed = TailConstraint(vocabulary, prompt.tail).allowed()
    parts = []
    for one in recall.said_after((), allowed):
        likely = sorted(one.told, key=lambda token: -one.told[token])[:LIKELIEST]
        said = ", ".join(f"{vocabulary.decode([id])!r} {one.told[id]:.0%}" for id in likely)
        length, places, *_ = one.evidence
        where = "after" if one.voice < KINDS else "where it is most like"
        text = f"{where} {vocabulary.decode(prompt.last[-length:])!r}: {said}"
        path = document.path.name if document.path and one.voice % KINDS == OWN else "other files"
        weight = round(1 / (1 + math.exp(-one.loudness - one.doubt * DOUBT)), 4)
        parts.append(ShownPart("memory", path, f"{places:.0f} places", weight, length, text))
    return parts
