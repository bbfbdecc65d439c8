"""How loud memory may speak, fitted to what stands in holes: the likelihood of the right tokens is raised.

Before each token of what stood in a hole, and where that ends, the model is asked, with the prompt that the
product makes; beside its chances stands what memory says.
"""

import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.cursor import look
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import prompt_of, remembered
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.engine.interface import Decoding, Remembered, Usage
from slm_lsp.engine.mixing import FAINTEST, LOUDEST
from slm_lsp.evaluation.holes import Plan, Task, repository, request
from slm_lsp.evaluation.holes import settings as settings_for
from slm_lsp.memory.kernels.plan import FACTORS, LONGEST, TOLD, VOICES
from slm_lsp.memory.recall import Said
from slm_lsp.memory.weights import FAMILIES, Fitted
from slm_lsp.tokens.vocabulary import Vocabulary

SIZE = LONGEST + FACTORS + 1
"""The numbers that the loudness of a voice is made of: offsets by length, and factors."""

SMALLER = (0, 10, 100, 1000)
"""Other files that are remembered, of all that there are: what memory is worth in smaller workspaces."""

FITTED = (1, 2)
"""Of those the ones that a fit is for as well: fitted to all files alone, ten did worse than none."""

PENALTY, OWN_PENALTY = 2.0, 40.0
"""Of half the squared distance from where a fit begins, in observations: what is rare stays as it was.

That of a language begins where that of all ends; with 2 it did worse than that one on what was left out.
"""

STEPS = 150
"""Of the search for the likeliest weights, on all observations at once."""

FEWEST = 1000
"""Observations from which on a language has weights of its own."""

FOLDS = 5

BEGINNING = 16
"""Characters of the text after a hole in which a token is looked for that it begins with."""

TINY = 1e-300
"""In the place of a chance of 0, which has no logarithm."""

Numbers = NDArray[np.float64]


class Heard(NamedTuple):
    """What one voice said before a token: what its loudness is made of, and what it told.

    `shares` are those of the tokens that it named, `chances` what the model gave these, and `right` says
    which of them stand there, or end the text there.
    """

    voice: int
    features: tuple[float, ...]
    shares: tuple[float, ...]
    chances: tuple[float, ...]
    right: tuple[bool, ...]


class Observation(NamedTuple):
    """A token of a hole, or its end: the model's chance for it, what memory said, and smaller ones did."""

    hole: int
    family: str
    chance: float
    heard: tuple[Heard, ...]
    smaller: tuple[tuple[Heard, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """Mean losses in nats a token: of the model alone, with the weights that ship, and with fitted ones.

    The last is that of a cross-validation by holes. `smaller` are with the weights that ship.
    """

    tokens: int
    alone: float
    shipped: float
    fitted: float
    smaller: tuple[float, ...]


class _Listening:
    """A memory that says nothing, and hears what the model's distribution is where it is asked."""

    def __init__(self, ids: Collection[int]) -> None:
        self._ids = np.array(sorted(ids), np.int64)
        self.entropy, self.chances = 0.0, dict[int, float]()

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered:
        nothing = np.zeros(1)
        return Remembered(self._ids, np.zeros((1, len(self._ids))), nothing, nothing, nothing)

    def noted(self, written: Sequence[int], entropy: float, logs: Numbers) -> None:
        chances = np.exp(logs).tolist()
        self.entropy, self.chances = entropy, dict(zip(self._ids.tolist(), chances, strict=True))

    def draft(self, written: Sequence[int], limit: int) -> Sequence[int]:
        return ()


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
            yield list(_observed(model, asked, task, number))


def _observed(model: LoadedModel, asked: CompletionRequest, task: Task, hole: int) -> Iterator[Observation]:
    settings = settings_for(task.hole.kind)
    prompt, (cursor, around) = prompt_of(model, asked, settings), look(asked)
    # The model writes the indentation anew where it may choose another.
    ids = model.vocabulary.encode(prompt.tail + cursor.lead + task.reference)[: settings.max_tokens]
    recall = remembered(model, asked, around, settings, prompt)
    assert recall
    files = sorted(recall.files)
    random.Random(hole).shuffle(files)
    recalls = [recall, *(recall.of(files[:count]) for count in SMALLER)]
    language = asked.document.language
    after = task.text[task.hole.end :]
    ends = model.format.stop_ids | _beginnings(model.vocabulary, after)
    for at, right in enumerate([*({id} for id in ids), set(ends)]):
        said = [recall.said_after(ids[:at]) for recall in recalls]
        listening = _Listening(right.union(*(one.told for some in said for one in some)))
        decoding = Decoding(1, memory=listening)
        for _ in model.engine.generate([*prompt.ids, *ids[:at]], decoding, CancelToken(), Usage()):
            pass
        heard, *smaller = (_heard(some, listening, right) for some in said)
        chance = math.fsum(listening.chances.get(id, 0.0) for id in right)
        yield Observation(hole, FAMILIES.get(language, language), chance, heard, tuple(smaller))


def _beginnings(vocabulary: Vocabulary, text: str) -> set[int]:
    """Return the tokens that a text begins with: who writes these has met it, and ends."""
    tokens = (vocabulary.encode(text[:length]) for length in range(1, BEGINNING + 1))
    return {ids[0] for ids in tokens if len(ids) == 1}


def _heard(said: Sequence[Said], listening: _Listening, right: Collection[int]) -> tuple[Heard, ...]:
    return tuple(heard(one, listening.entropy, listening.chances, right) for one in said)


def heard(said: Said, entropy: float, chances: Mapping[int, float], right: Collection[int]) -> Heard:
    """Return what was said beside a model with an entropy and chances, where one of `right` stands."""
    length, places, different, alike = said.evidence
    return Heard(
        said.voice,
        (
            *(float(length == 1 + at) for at in range(LONGEST)),
            math.log(max(1.0, places)),
            max(said.told.values()),
            math.log(different),
            alike,
            entropy,
        ),
        tuple(said.told.values()),
        tuple(chances[id] for id in said.told),
        tuple(id in right for id in said.told),
    )


def fit(
    observations: Sequence[Observation], start: Mapping[str, Sequence[Fitted]]
) -> dict[str, Sequence[Fitted]]:
    """Return weights for all observations together, and for each language that has enough of them.

    What smaller memories said counts as well. `start` is where the search begins, and what it stays near to
    where little is known.
    """
    seen = [*observations]
    for at in FITTED:
        seen += [one._replace(heard=one.smaller[at]) for one in observations if len(one.smaller) > at]
    together = _likeliest(_Table.of(seen), _flat(start["all"]), PENALTY)
    found: dict[str, Sequence[Fitted]] = {"all": _shaped(together)}
    for family in sorted({one.family for one in observations}):
        own = [one for one in seen if one.family == family]
        if len(own) >= FEWEST:
            found[family] = _shaped(_likeliest(_Table.of(own), together, OWN_PENALTY))
    return found


def losses(observations: Sequence[Observation], shipped: Mapping[str, Sequence[Fitted]]) -> dict[str, Loss]:
    """Return what memory is worth, over all and by language."""
    alone = -np.log([max(one.chance, TINY) for one in observations])
    given, fitted = _nats(observations, shipped), np.zeros(len(observations))
    for fold in range(FOLDS):
        left_out = np.array([one.hole % FOLDS == fold for one in observations])
        others = [one for one, out in zip(observations, left_out, strict=True) if not out]
        if others and left_out.any():
            learned = fit(others, shipped)
            tried = [one for one, out in zip(observations, left_out, strict=True) if out]
            fitted[left_out] = _nats(tried, learned)
    sizes = range(min(len(one.smaller) for one in observations))
    smaller = [_nats([one._replace(heard=one.smaller[at]) for one in observations], shipped) for at in sizes]
    found = dict[str, Loss]()
    for family in ("all", *sorted({one.family for one in observations})):
        own = np.array([family in ("all", one.family) for one in observations])
        means = [float(nats[own].mean()) for nats in (alone, given, fitted, *smaller)]
        alone_, shipped_, fitted_, *fewer = means
        found[family] = Loss(int(own.sum()), alone_, shipped_, fitted_, tuple(fewer))
    return found


def _nats(observations: Sequence[Observation], weights: Mapping[str, Sequence[Fitted]]) -> Numbers:
    """Return the loss of each observation's token in the mixture, nats [n]."""
    found = np.zeros(len(observations))
    for family in {one.family for one in observations}:
        at = [place for place, one in enumerate(observations) if one.family == family]
        table = _Table.of([observations[place] for place in at])
        found[at] = table.nats(_flat(weights.get(family, weights["all"]))).numpy()
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """Observations as arrays, float64; shares are 0 where nothing was said.

    `chance` [n] is the model's of the right token. Of each voice there are `features` [n, VOICES, SIZE], and
    [n, VOICES, TOLD] the `shares` that it told, the logarithms of the model's `chances` of those tokens, and
    whether they are `right`.
    """

    chance: torch.Tensor
    features: torch.Tensor
    shares: torch.Tensor
    chances: torch.Tensor
    right: torch.Tensor

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> "_Table":
        count = len(observations)
        features, shares = np.zeros((count, VOICES, SIZE)), np.zeros((count, VOICES, TOLD))
        chances, right = np.ones((count, VOICES, TOLD)), np.zeros((count, VOICES, TOLD))
        for row, one in enumerate(observations):
            for each in one.heard:
                told = len(each.shares)
                features[row, each.voice], right[row, each.voice, :told] = each.features, each.right
                shares[row, each.voice, :told], chances[row, each.voice, :told] = each.shares, each.chances
        chance = np.array([one.chance for one in observations])
        logs = np.maximum(np.log(np.maximum(chances, TINY)), FAINTEST)
        return cls(*map(torch.from_numpy, (chance, features, shares, logs, right)))

    def nats(self, weights: torch.Tensor) -> torch.Tensor:
        """Return the losses of the right tokens in the mixture [n] (see `slm_lsp.engine.interface`).

        `weights` [VOICES, SIZE + 1] end with the power.
        """
        power = weights[:, -1]
        loudness = torch.exp((self.features * weights[:, :-1]).sum(2).clamp(max=LOUDEST))
        told = loudness[:, :, None] * self.shares * torch.exp(power[:, None] * self.chances)
        right = self.chance + (told * self.right).sum((1, 2))
        return torch.log1p(told.sum((1, 2))) - torch.log(right.clamp(min=TINY))


def _likeliest(table: _Table, start: torch.Tensor, penalty: float) -> torch.Tensor:
    """Return the weights near `start` that make the observations likeliest."""
    weights = start.clone().requires_grad_()
    # Liu and Nocedal 1989.
    search = torch.optim.LBFGS([weights], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> float:
        search.zero_grad()
        loss = table.nats(weights).sum() + penalty / 2 * ((weights - start) ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    search.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()


def _flat(fitted: Sequence[Fitted]) -> torch.Tensor:
    return torch.tensor([[*one.offsets, *one.factors, one.power] for one in fitted], dtype=torch.float64)


def _shaped(weights: torch.Tensor) -> list[Fitted]:
    rows = np.round(weights.numpy(), 2).tolist()
    return [Fitted(row[:LONGEST], row[LONGEST:SIZE], row[SIZE]) for row in rows]
