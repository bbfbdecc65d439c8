"""What comes next after one token: the model's distribution, a memory's mixed in, known names raised."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding, Raised, Token
from slm_lsp.engine.mixing import added
from slm_lsp.engine.sampling import Sampler

TINY = 1e-300
"""In the place of a chance of 0, which has no logarithm."""

LEAST = math.log(TINY)


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
        if allowed is None:
            return self._free(count, self._shares(writing, self.entropy, None, self._chances), raised)
        ids = self._known(allowed)
        logits = self.logits[ids]
        shares: Mapping[int, float] = {}
        if writing.memory or raised:
            # What is not allowed is left out of both distributions before they are mixed.
            chances = np.exp(logits.astype(np.float64) - self.log_total)
            mass = max(float(chances.sum()), TINY)
            narrowed = chances / mass

            def of(told: Sequence[int]) -> list[float]:
                found: list[float] = narrowed[ids.searchsorted(told)].tolist()
                return found

            shares = self._shares(writing, _entropy(narrowed), allowed, of)
        if not shares and raised is None:
            return [self._token(int(ids[place])) for place in _highest(logits, count)]
        kept, own = 1 - math.fsum(shares.values()), logits.argmax()
        chances *= kept
        chances[ids.searchsorted(list(shares))] += mass * np.array(list(shares.values()))
        mixed = chances.argmax()
        if raised:
            higher = ids[ids < len(raised.ids)]
            chances[: len(higher)][raised.ids[higher]] *= math.exp(raised.bonus)
            chances *= mass / max(float(chances.sum()), TINY)
        (_, entropy), places = self._mixed(shares, (), kept), _highest(chances, count)
        return [
            Token(
                int(ids[place]),
                math.log(max(chances[place], TINY)),
                entropy,
                recalled=bool(place == mixed != own),
                named=bool(place == places[0] != mixed),
            )
            for place in places
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
        self,
        writing: "Writing",
        entropy: float,
        allowed: Sequence[int] | None,
        chances_of: Callable[[Sequence[int]], list[float]],
    ) -> Mapping[int, float]:
        """Return which share of the mixture is memory's, by tokens that the model has: below 1 in all.

        `entropy` and `chances_of` tokens are those of what the model may choose from.
        """
        memory, tokens = writing.memory, writing.tokens
        if memory is None or not (said := memory.recalled(tokens, allowed)):
            return {}
        told = [*{id: None for one in said for id in one.told if id < len(self.logits)}]
        chances = dict(zip(told, chances_of(told), strict=True))
        memory.noted(tokens, entropy, chances)
        more, *others = added(said, entropy, chances)
        for part in others:
            for id, one in part.items():
                more[id] = more.get(id, 0.0) + one
        total = 1 + math.fsum(more.values())
        return {id: one / total for id, one in more.items()}

    def _free(self, count: int, shares: Mapping[int, float], raised: Raised | None) -> list[Token]:
        """Return the most probable tokens of all; only those that may be among them are looked at."""
        own = [self.best] if count == 1 else _highest(self.logits, count).tolist()
        if not shares and not raised:
            return [self._token(id) for id in own]
        kept = 1 - math.fsum(shares.values())
        chances, entropy = self._mixed(shares, own, kept)
        mixed = max(chances, key=chances.__getitem__)
        if raised:
            known, more, inside, terms = self._among(raised, shares, kept, count)
            chances |= more
            factor = math.exp(raised.bonus)
            scale = 1 / (1 + (factor - 1) * inside)
            chances = {
                id: chance * scale * (factor if known(id) else 1) for id, chance in sorted(chances.items())
            }
            entropy = scale * (entropy + terms - (1 - inside) * math.log(scale))
            entropy = max(0.0, entropy - factor * scale * (terms + inside * math.log(factor * scale)))
        # Of equals the first, as the ids ascend.
        best = sorted(chances, key=chances.__getitem__, reverse=True)[:count]
        return [
            Token(
                id,
                math.log(max(chances[id], TINY)),
                entropy,
                recalled=id == mixed != self.best,
                named=id == best[0] != mixed,
            )
            for id in best
        ]

    def _among(
        self, raised: Raised, shares: Mapping[int, float], kept: float, count: int
    ) -> tuple[Callable[[int], bool], dict[int, float], float, float]:
        """Return of the tokens that are raised which they are, the likeliest, and sums over the mixture.

        The sums are that of their chances, and that of these times their logarithms.
        """
        ids = np.flatnonzero(raised.ids[: len(self.logits)])
        logs = self.logits[ids] - np.float32(self.log_total)
        chances = np.exp(logs) * np.float32(kept)
        terms = float(chances @ logs) + float(chances.sum(dtype=np.float64)) * math.log(kept)

        def known(id: int) -> bool:
            return id < len(raised.ids) and bool(raised.ids[id])

        for id in filter(known, shares):
            alone, place = kept * self._chance(id), ids.searchsorted(id)
            chances[place] = mixed = alone + shares[id]
            terms += mixed * math.log(mixed) - alone * math.log(max(alone, TINY))
        top = {int(ids[place]): float(chances[place]) for place in _highest(chances, count)}
        return known, top, float(chances.sum(dtype=np.float64)), terms

    def _mixed(
        self, shares: Mapping[int, float], own: Iterable[int], kept: float
    ) -> tuple[dict[int, float], float]:
        """Return the chances of tokens that have a share and of some `own` ones, and the mixture's entropy.

        Only the terms of the tokens with a share are new in it. One loop, which every token waits for.
        """
        chances, rest, entropy, terms = dict[int, float](), 1.0, self.entropy, 0.0
        ids = sorted({*own, *shares})
        for id in ids:
            log = max(self.logits.item(id) - self.log_total, LEAST)
            chance = math.exp(log)
            chances[id] = mixed = kept * chance
            if share := shares.get(id):
                chances[id] = mixed = mixed + share
                rest -= chance
                entropy += chance * log
                terms -= mixed * math.log(mixed)
        return chances, max(0.0, kept * entropy - max(0.0, rest) * kept * math.log(kept) + terms)

    def _chance(self, id: int) -> float:
        return math.exp(self.logits.item(id) - self.log_total)

    def _chances(self, ids: Sequence[int]) -> list[float]:
        return [self._chance(id) for id in ids]

    def _token(self, id: int) -> Token:
        return Token(id, float(self.logits[id]) - self.log_total, self.entropy)


def _highest(values: NDArray[np.floating[Any]], count: int) -> NDArray[np.int64]:
    """Return the places of the highest values, at most `count`, the highest first; of equals the first."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    # Sorting the whole vocabulary would take longer than a layer of the model.
    found, left = list[np.int64](), values if count == 1 else values.copy()
    for _ in range(count):
        found.append(left.argmax())
        if count > 1:
            left[found[-1]] = -np.inf
    return np.array(found)


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
