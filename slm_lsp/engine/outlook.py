"""What comes next after one token: the model's distribution, a memory's mixed in, known names raised."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding, Raised, Token
from slm_lsp.engine.sampling import Sampler

TINY = 1e-300
"""In the place of a chance of 0, which has no logarithm."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The logits of the whole vocabulary, float32 [vocabulary], and what is told of them.

    `best` is the id of the highest, `log_total` the logarithm of their exponentials' sum, `entropy` that of
    the distribution in nats.
    """

    logits: NDArray[np.float32]
    best: int
    log_total: float
    entropy: float

    def likeliest(self, writing: "Writing", count: int) -> list[Token]:
        """Return the most probable tokens that may go on with a text, at most `count`, best first."""
        allowed = writing.constraint.allowed() if writing.constraint else None
        raised = writing.names.raised(writing.tokens) if writing.names else None
        if allowed is None and (count == 1 or not raised):
            shares = self._shares(writing, self.entropy, None)
            best = self._freely(shares, count)
            return [self._named(best[0], shares, raised)] if raised else best
        ids = self._known(allowed)
        logits = self.logits[ids]
        shares = {}
        if writing.memory or raised:
            # What is not allowed is left out of both distributions before they are mixed.
            chances = np.exp(logits.astype(np.float64) - self.log_total)
            mass = max(float(chances.sum()), TINY)
        if writing.memory:
            known = self.entropy if allowed is None else _entropy(chances / mass)
            shares = self._shares(writing, known, allowed)
        if not shares and not raised:
            return [self._token(int(ids[place])) for place in _highest(logits, count)]
        kept, own = 1 - math.fsum(shares.values()), logits.argmax()
        chances *= kept
        chances[ids.searchsorted(list(shares))] += mass * np.array(list(shares.values()))
        entropy, mixed = self._entropy(shares, kept), chances.argmax()
        if raised:
            higher = ids[ids < len(raised.ids)]
            chances[: len(higher)][raised.ids[higher]] *= math.exp(raised.bonus)
            chances *= mass / chances.sum()
            if allowed is None:
                entropy = _entropy(chances)
        first, *_ = order = _highest(chances, count)
        return [
            Token(
                int(ids[place]),
                math.log(max(chances[place], TINY)),
                entropy,
                recalled=bool(place == mixed != own),
                named=bool(place == first != mixed),
            )
            for place in order
        ]

    def drawn(self, writing: "Writing", sampler: Sampler) -> Token:
        """Return a token that is drawn from those that may go on with a text."""
        ids = self._known(writing.constraint.allowed() if writing.constraint else None)
        return self._token(int(ids[sampler.draw(self.logits[ids])]))

    def _known(self, allowed: Sequence[int] | None) -> NDArray[np.int64]:
        """Return the ids that are allowed, of those that the model has."""
        ids = np.arange(len(self.logits)) if allowed is None else np.asarray(allowed)
        return ids[ids < len(self.logits)]

    def _shares(
        self, writing: "Writing", entropy: float, allowed: Sequence[int] | None
    ) -> Mapping[int, float]:
        """Return what memory says after a text; of the ids that the model has."""
        if writing.memory is None:
            return {}
        shares = writing.memory.shares(writing.tokens, entropy, allowed)
        return {id: share for id, share in shares.items() if id < len(self.logits)}

    def _freely(self, shares: Mapping[int, float], count: int) -> list[Token]:
        """Return the most probable tokens of all, at most `count`, best first."""
        own = [self.best] if count == 1 else _highest(self.logits, count).tolist()
        if not shares:
            return [self._token(id) for id in own]
        kept = 1 - math.fsum(shares.values())
        # What memory does not raise keeps its order, so nothing else can be among them.
        chances = {id: kept * self._chance(id) + shares.get(id, 0.0) for id in sorted({*own, *shares})}
        order = sorted(chances, key=lambda id: -chances[id])[:count]
        entropy = self._entropy(shares, kept)
        recalled = order[0] != self.best
        return [
            Token(id, math.log(max(chances[id], TINY)), entropy, recalled and id == order[0]) for id in order
        ]

    def _named(self, best: Token, shares: Mapping[int, float], raised: Raised) -> Token:
        """Return the most probable token once some are raised; `best` is that of the mixture."""
        ids = np.flatnonzero(raised.ids[: len(self.logits)])
        logs = self.logits[ids] - np.float32(self.log_total)
        kept = 1 - math.fsum(shares.values())
        chances = np.exp(logs) * np.float32(kept)
        terms = float(chances @ logs) + float(chances.sum()) * math.log(kept)
        for id, share in shares.items():
            if id < len(raised.ids) and raised.ids[id]:
                place, own = ids.searchsorted(id), kept * self._chance(id)
                chances[place] = own + share
                terms += (own + share) * math.log(own + share) - own * math.log(max(own, TINY))
        inside, top = float(chances.sum(dtype=np.float64)), chances.argmax()
        factor = math.exp(raised.bonus)
        scale = 1 / (1 + (factor - 1) * inside)
        entropy = scale * (best.entropy + terms - (1 - inside) * math.log(scale))
        entropy -= factor * scale * (terms + inside * math.log(factor * scale))
        known = best.id < len(raised.ids) and bool(raised.ids[best.id])
        id, log = best.id, best.logprob + raised.bonus * known
        # The mixture's best is ahead of all others that are raised, or of all others that are not.
        if not known and (higher := math.log(max(float(chances[top]), TINY)) + raised.bonus) > log:
            id, log = int(ids[top]), higher
        named = id != best.id
        return Token(id, log + math.log(scale), max(0.0, entropy), best.recalled and not named, named)

    def _entropy(self, shares: Mapping[int, float], kept: float) -> float:
        """Return the entropy of the mixture: only the terms of the tokens with a share are new."""
        rest, entropy, terms = 1.0, self.entropy, 0.0
        for id, share in shares.items():
            chance = self._chance(id)
            rest -= chance
            entropy += chance * math.log(max(chance, TINY))
            mixed = kept * chance + share
            terms -= mixed * math.log(max(mixed, TINY))
        return max(0.0, kept * entropy - max(0.0, rest) * kept * math.log(kept) + terms)

    def _chance(self, id: int) -> float:
        return math.exp(float(self.logits[id]) - self.log_total)

    def _token(self, id: int) -> Token:
        return Token(id, float(self.logits[id]) - self.log_total, self.entropy)


def _highest(values: NDArray[np.floating[Any]], count: int) -> NDArray[np.int64]:
    """Return the places of the highest values, at most `count`, the highest first; of equals the first."""
    if count == 1:
        return np.array([values.argmax()])
    if count < len(values):
        # Sorting the whole vocabulary would take longer than a layer of the model.
        least = np.partition(values, -count)[-count]
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:count]


def _entropy(chances: NDArray[np.float64]) -> float:
    return float(-(chances * np.log(np.maximum(chances, TINY))).sum())


class Writing:
    """A text that is being written: its tokens so far, what narrows it, what memory and names are asked."""

    def __init__(self, decoding: Decoding) -> None:
        self.constraint = decoding.constraint()
        self.memory = None if decoding.sampling else decoding.memory
        self.names = None if decoding.sampling else decoding.names
        self._sampler = Sampler(decoding.sampling) if decoding.sampling else None
        self.tokens: list[int] = []

    @property
    def is_free(self) -> bool:
        """Whether any token may come next."""
        return self.constraint is None or self.constraint.allowed() is None

    def choose(self, outlook: Outlook) -> Token:
        """Go on with the most probable token, or draw one."""
        drawn = outlook.drawn(self, self._sampler) if self._sampler else None
        return self.take(drawn or outlook.likeliest(self, 1)[0])

    def take(self, token: Token) -> Token:
        """Go on with a token."""
        if self.constraint:
            self.constraint.accept(token.id)
        self.tokens.append(token.id)
        return token
