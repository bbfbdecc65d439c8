"""How loud memory may speak, fitted to what stands in holes: the likelihood of the right tokens is raised.

Each hole's own text is forced through the model, with the prompt that the product makes; beside the chance
that the model gives a token stands what memory says of it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.context import Contexts
from slm_lsp.completion.cursor import look
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import prompt_of
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.evaluation.holes import Plan, Task, repository, request
from slm_lsp.evaluation.holes import settings as settings_for
from slm_lsp.memory.recall import Recall
from slm_lsp.memory.segment import LONGEST
from slm_lsp.memory.weights import FAMILIES, MOST, Fitted

KINDS, SIZE = 2, LONGEST + 4
"""Kinds of sources, and the numbers of each: an offset for each length, and four factors."""

PENALTY = 2.0
"""Of the squared distance from where a fit begins, in observations: what is rare stays as it was."""

STEPS, RATE = 400, 0.05
"""Of Adam (Kingma and Ba 2015), on all observations at once."""

FEWEST = 1000
"""Observations from which on a language has weights of its own."""

FOLDS = 5

TINY = 1e-300
"""In the place of a chance of 0, which has no logarithm."""

Numbers = NDArray[np.float64]


class Said(NamedTuple):
    """What one kind of source said before a token: what its weight is made of, and the shares that it gave.

    `told` is the share of all tokens that it names, `right` that of the token that stands there.
    """

    kind: int
    features: tuple[float, ...]
    told: float
    right: float


class Observation(NamedTuple):
    """A token of a hole: the model's chance for it, and what memory said, the longer match last."""

    hole: int
    family: str
    chance: float
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """Mean losses in nats a token: of the model alone, with the weights that ship, and with fitted ones.

    The last is that of a cross-validation by holes.
    """

    tokens: int
    alone: float
    shipped: float
    fitted: float


class _Forced:
    """A constraint that leaves one text only."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = list(ids)

    def allowed(self) -> Sequence[int] | None:
        return self._ids[:1]

    def accept(self, token: int) -> None:
        del self._ids[0]

    @property
    def text(self) -> bytes:
        return b""


def observe(
    model: LoadedModel, plan: Plan, chosen: Sequence[Task], first: int = 0
) -> Iterator[list[Observation]]:
    """Yield what is known before each token of what stood in each hole; these are numbered from `first`.

    Raises:
        ModelError: the model failed.
    """
    with repository(plan, model.vocabulary) as contexts:
        assert contexts
        for number, task in enumerate(chosen, first):
            asked = replace(request(task), contexts=contexts)
            contexts.forget(asked.document.uri)  # no hole knows what another was shown
            yield list(_observed(model, asked, contexts, task, number))


def _observed(
    model: LoadedModel, asked: CompletionRequest, contexts: Contexts, task: Task, hole: int
) -> Iterator[Observation]:
    settings = settings_for(task.hole.kind)
    prompt, (cursor, around) = prompt_of(model, asked, settings), look(asked)
    # The model writes the indentation anew where it may choose another.
    ids = model.vocabulary.encode(prompt.tail + cursor.lead + task.reference)[: settings.max_tokens]
    recall = contexts.memory.at(
        model.vocabulary, asked.document, around.before, around.after, prompt.last, settings.memory_size
    )
    decoding = Decoding(len(ids), constraint=lambda: _Forced(ids))
    language = asked.document.language
    for at, token in enumerate(model.engine.generate(prompt.ids, decoding, CancelToken(), Usage())):
        heard = tuple(said(recall, ids[:at], token.entropy, ids[at]))
        yield Observation(hole, FAMILIES.get(language, language), math.exp(token.logprob), heard)


def said(recall: Recall, written: Sequence[int], entropy: float, right: int) -> Iterator[Said]:
    """Yield what memory says after `written`, the longer match last; `right` is what stands there."""
    for kind, one in recall.evidence(written):
        told = one.told()
        features = (*(float(one.length == 1 + at) for at in range(LONGEST)), *one.features(entropy))
        yield Said(kind, features, math.fsum(told.values()), told.get(right, 0.0))


def fit(observations: Sequence[Observation], start: Mapping[str, Fitted]) -> dict[str, Fitted]:
    """Return weights for all observations together, and for each language that has enough of them.

    `start` is where the search begins, and what it stays near to where little is known.
    """
    together = _ascend(_Table.of(observations), _flat(start["all"]))
    found = {"all": _shaped(together)}
    for family in sorted({one.family for one in observations}):
        own = [one for one in observations if one.family == family]
        if len(own) >= FEWEST:
            found[family] = _shaped(_ascend(_Table.of(own), together))
    return found


def losses(observations: Sequence[Observation], shipped: Mapping[str, Fitted]) -> dict[str, Loss]:
    """Return what memory is worth, over all and by language."""
    alone = [-math.log(max(one.chance, TINY)) for one in observations]
    given, fitted = _nats(observations, shipped), np.zeros(len(observations))
    for fold in range(FOLDS):
        left_out = np.array([one.hole % FOLDS == fold for one in observations])
        others = [one for one, out in zip(observations, left_out, strict=True) if not out]
        if others and left_out.any():
            learned = fit(others, shipped)
            tried = [one for one, out in zip(observations, left_out, strict=True) if out]
            fitted[left_out] = _nats(tried, learned)
    found = dict[str, Loss]()
    for family in ("all", *sorted({one.family for one in observations})):
        own = np.array([family in ("all", one.family) for one in observations])
        means = (float(np.mean(np.asarray(nats)[own])) for nats in (alone, given, fitted))
        found[family] = Loss(int(own.sum()), *means)
    return found


def _nats(observations: Sequence[Observation], weights: Mapping[str, Fitted]) -> Numbers:
    """Return the loss of each observation's token in the mixture, nats [n]."""
    found = np.zeros(len(observations))
    for family in {one.family for one in observations}:
        at = [place for place, one in enumerate(observations) if one.family == family]
        table = _Table.of([observations[place] for place in at])
        found[at] = -np.log(table.chances(_flat(weights.get(family, weights["all"])))[0])
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """Observations as arrays: `chance` [n], and of each of two sources `columns`, `features`, `told` and
    `right` [2, n]; a source that said nothing tells nothing."""  # fmt: skip

    chance: Numbers
    features: Numbers
    kinds: NDArray[np.int64]
    told: Numbers
    right: Numbers

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> "_Table":
        count = len(observations)
        features, kinds = np.zeros((KINDS, count, SIZE)), np.zeros((KINDS, count), np.int64)
        told, right = np.zeros((KINDS, count)), np.zeros((KINDS, count))
        for row, one in enumerate(observations):
            for place, each in enumerate(one.said):
                features[place, row], kinds[place, row] = each.features, each.kind
                told[place, row], right[place, row] = each.told, each.right
        chance = np.array([max(one.chance, TINY) for one in observations])
        return cls(chance, features, kinds, told, right)

    def chances(self, weights: Numbers) -> tuple[Numbers, Numbers]:
        """Return the right tokens' chances in the mixture [n], and the slope of their logarithms' sum."""
        odds = np.einsum("snf,snf->sn", self.features, weights[self.kinds])
        first, second = loud = np.minimum(MOST, 1 / (1 + np.exp(-odds)))
        (told, told_last), (right, right_last) = self.told, self.right
        # As in `Recall.shares`: the later source takes its share of all, the model keeps what is not told.
        kept = 1 - second * told_last - (1 - second) * first * told
        mixed = kept * self.chance + second * right_last + (1 - second) * first * right
        slopes = np.stack(
            [
                (1 - second) * (right - told * self.chance),
                right_last - first * right - (told_last - first * told) * self.chance,
            ]
        )
        slopes *= np.where(loud < MOST, loud * (1 - loud), 0.0) / mixed
        slope = np.zeros_like(weights)
        for kind in range(KINDS):
            slope[kind] = np.einsum("sn,snf->f", slopes * (self.kinds == kind), self.features)
        return mixed, slope


def _ascend(table: _Table, start: Numbers) -> Numbers:
    """Return the weights near `start` that make the observations likeliest."""
    weights, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, STEPS + 1):
        slope = table.chances(weights)[1] - PENALTY * (weights - start)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        pace = RATE * (1 - step / (STEPS + 1))
        weights += pace * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-9)
    return weights


def _flat(fitted: Fitted) -> Numbers:
    return np.array([[*offsets, *factors] for offsets, factors in fitted])


def _shaped(weights: Numbers) -> Fitted:
    rounded = np.round(weights, 2).tolist()
    return [(row[:LONGEST], row[LONGEST:]) for row in rounded]
