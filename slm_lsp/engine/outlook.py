"""What comes next after one token: the model's distribution, a memory's mixed in, known names raised."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding, Raised, Token
from slm_lsp.engine.mixing import Mixture, mix
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
            return self._free(count, self._mixed(writing, self.entropy, None, self.log_total), raised)
        ids = self._known(allowed)
        logits = self.logits[ids]
        if writing.memory is None and raised is None:
            return [self._token(int(ids[place])) for place in _highest(logits, count)]
        # What is not allowed is left out of both distributions before they are mixed.
        chances = np.exp(logits.astype(np.float64) - self.log_total)
        mass = max(float(chances.sum()), TINY)
        entropy = _entropy(chances / mass)
        mixture = self._mixed(writing, entropy, allowed, self.log_total + math.log(mass))
        own = logits.argmax()
        if mixture:
            chances *= mixture.kept
            chances[ids.searchsorted(mixture.ids)] = mass * mixture.chances
        mixed = chances.argmax()
        if raised:
            higher = ids[ids < len(raised.ids)]
            chances[: len(higher)][raised.ids[higher]] *= math.exp(raised.bonus)
            chances *= mass / max(float(chances.sum()), TINY)
        entropy = self._entropy_with(mixture) if mixture else self.entropy
        places = _highest(chances, count)
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

    def _mixed(
        self, writing: "Writing", entropy: float, allowed: Sequence[int] | None, log_total: float
    ) -> Mixture | None:
        """Return the mixture with what a text's memory says, of tokens that the model has.

        `entropy` and `log_total` are those of what the model may choose from.
        """
        memory, tokens = writing.memory, writing.tokens
        if memory is None or (said := memory.recalled(tokens, allowed)) is None:
            return None
        whole = said.ids[-1] < len(self.logits)
        if not whole:
            known = said.ids < len(self.logits)
            said = said._replace(ids=said.ids[known], shares=said.shares[:, known])
        logs = self.logits[said.ids].astype(np.float64) - log_total
        if whole:
            memory.noted(tokens, entropy, logs)
        return mix(said, entropy, logs)

    def _entropy_with(self, mixture: Mixture) -> float:
        """Return the entropy of the whole distribution with the shares of a mixture of what is allowed."""
        shares = mixture.more.sum(0) * mixture.kept
        logs = np.maximum(self.logits[mixture.ids].astype(np.float64) - self.log_total, LEAST)
        alone, kept = np.exp(logs), mixture.kept
        chances = kept * alone + shares
        rest = max(0.0, 1 - float(alone.sum()))
        terms = kept * (self.entropy + float(alone @ logs)) - rest * kept * math.log(kept)
        return max(0.0, terms - float(chances @ np.log(np.maximum(chances, TINY))))

    def _free(self, count: int, mixture: Mixture | None, raised: Raised | None) -> list[Token]:
        """Return the most probable tokens of all; only those that may be among them are looked at."""
        own = [self.best] if count == 1 else _highest(self.logits, count).tolist()
        if not mixture and not raised:
            return [self._token(id) for id in own]
        mixture = mixture or Mixture(np.zeros(0, np.int64), np.zeros(0), 1.0, self.entropy, np.zeros((0, 0)))
        told = dict(zip(mixture.ids.tolist(), mixture.chances.tolist(), strict=True))
        chances = {id: mixture.kept * self._chance(id) for id in own} | told
        mixed, entropy = max(chances, key=chances.__getitem__), mixture.entropy
        if raised:
            known, more, inside, terms = self._among(raised, mixture, count)
            chances |= more
            factor = math.exp(raised.bonus)
            scale = 1 / (1 + (factor - 1) * inside)
            chances = {id: chance * scale * (factor if known(id) else 1) for id, chance in chances.items()}
            entropy = scale * (entropy + terms - (1 - inside) * math.log(scale))
            entropy = max(0.0, entropy - factor * scale * (terms + inside * math.log(factor * scale)))
        best = nlargest(count, chances, chances.__getitem__)
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
        self, raised: Raised, mixture: Mixture, count: int
    ) -> tuple[Callable[[int], bool], dict[int, float], float, float]:
        """Return of the tokens that are raised which they are, the likeliest, and sums over the mixture.

        The sums are that of their chances, and that of these times their logarithms.
        """
        ids, kept = np.flatnonzero(raised.ids[: len(self.logits)]), mixture.kept
        logs = self.logits[ids] - np.float32(self.log_total)
        chances = np.exp(logs) * np.float32(kept)
        terms = float(chances @ logs) + float(chances.sum(dtype=np.float64)) * math.log(kept)

        def known(id: int) -> bool:
            return id < len(raised.ids) and bool(raised.ids[id])

        for id, mixed in zip(mixture.ids.tolist(), mixture.chances.tolist(), strict=True):
            if known(id):
                alone = kept * self._chance(id)
                chances[ids.searchsorted(id)] = mixed
                terms += mixed * math.log(max(mixed, TINY)) - alone * math.log(max(alone, TINY))
        top = {int(ids[place]): float(chances[place]) for place in _highest(chances, count)}
        return known, top, float(chances.sum(dtype=np.float64)), terms

    def _chance(self, id: int) -> float:
        return math.exp(self.logits.item(id) - self.log_total)

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
