"""The model's distribution with a memory's: against the whole vocabulary, mixed the slow way."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding, Raised
from slm_lsp.engine.outlook import Outlook, Writing

SIZE = 40


class Remembered:
    """A memory that says the same everywhere."""

    def __init__(self, shares: Mapping[int, float]) -> None:
        self._shares = shares

    def shares(
        self, written: Sequence[int], entropy: float, allowed: Sequence[int] | None = None
    ) -> Mapping[int, float]:
        return {id: share for id, share in self._shares.items() if allowed is None or id in allowed}

    def draft(self, written: Sequence[int], limit: int) -> Sequence[int]:
        return ()


class Only:
    """A constraint on the first token."""

    text = b""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids: Sequence[int] | None = ids

    def allowed(self) -> Sequence[int] | None:
        return self._ids

    def accept(self, token: int) -> None:
        self._ids = None


def outlook(seed: int) -> tuple[Outlook, NDArray[np.float64]]:
    logits = np.random.default_rng(seed).normal(0, 2, SIZE).astype(np.float32)
    total = float(np.log(np.exp(logits.astype(np.float64)).sum()))
    chances = np.exp(logits.astype(np.float64) - total)
    entropy = float(-(chances * np.log(chances)).sum())
    return Outlook(logits, int(logits.argmax()), total, entropy), chances


class Known:
    """Names that may go on with the same tokens everywhere."""

    def __init__(self, ids: Sequence[int], bonus: float) -> None:
        self._raised = Raised(np.isin(np.arange(SIZE), ids), bonus)

    def raised(self, written: Sequence[int]) -> Raised:
        return self._raised


def mixed(chances: NDArray[np.float64], shares: Mapping[int, float]) -> NDArray[np.float64]:
    made = chances * (1 - sum(shares.values()))
    for id, share in shares.items():
        made[id] += share
    return made


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shares", [{}, {3: 0.2}, {5: 0.6, 6: 0.3}, {1: 0.05, 2: 0.01}, {9: 0.97}])
def test_choice_probability_and_entropy_are_those_of_the_mixture(seed: int, shares: dict[int, float]) -> None:
    ahead, chances = outlook(seed)
    expected = mixed(chances, shares)
    order = np.argsort(-expected, kind="stable")
    entropy = -(expected * np.log(expected)).sum()
    for count in (1, 3):
        tokens = ahead.likeliest(Writing(Decoding(9, memory=Remembered(shares))), count)
        assert [token.id for token in tokens] == order[:count].tolist()
        for token in tokens:
            assert token.logprob == pytest.approx(math.log(expected[token.id]), abs=1e-5)
            assert token.entropy == pytest.approx(entropy, abs=1e-5)
        assert tokens[0].recalled == (order[0] != chances.argmax())


@pytest.mark.parametrize("seed", range(8))
def test_both_distributions_are_narrowed_before_they_are_mixed(seed: int) -> None:
    ahead, chances = outlook(seed)
    allowed = [2, 3, 5, 8, 13, 21, 34]
    narrowed = np.where(np.isin(np.arange(SIZE), allowed), chances, 0)
    expected = mixed(narrowed / narrowed.sum(), {8: 0.3, 13: 0.1})
    memory = Remembered({8: 0.3, 13: 0.1, 1: 0.5})
    decoding = Decoding(9, memory=memory, constraint=lambda: Only(allowed))
    tokens = ahead.likeliest(Writing(decoding), 3)
    assert [token.id for token in tokens] == np.argsort(-expected, kind="stable")[:3].tolist()
    for token in tokens:
        assert token.logprob == pytest.approx(math.log(expected[token.id] * narrowed.sum()), abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shares", [{}, {3: 0.2}, {5: 0.6, 6: 0.3}, {9: 0.97}])
@pytest.mark.parametrize("known", [[3], [5, 7, 9], range(20), range(SIZE)])
def test_known_names_are_raised_in_the_mixture(
    seed: int, shares: dict[int, float], known: Sequence[int]
) -> None:
    ahead, chances = outlook(seed)
    plain = mixed(chances, shares)
    expected = np.where(np.isin(np.arange(SIZE), known), plain * math.exp(1.7), plain)
    expected /= expected.sum()
    entropy = -(expected * np.log(expected)).sum()
    best = int(expected.argmax())
    for count in (1, 3):
        decoding = Decoding(9, memory=Remembered(shares), names=Known(known, 1.7))
        tokens = ahead.likeliest(Writing(decoding), count)
        assert [token.id for token in tokens] == np.argsort(-expected, kind="stable")[:count].tolist()
        for token in tokens:
            assert token.logprob == pytest.approx(math.log(expected[token.id]), abs=1e-5)
            assert token.entropy == pytest.approx(entropy, abs=1e-5)
        assert tokens[0].named == (best != plain.argmax())
        assert tokens[0].recalled == (best == plain.argmax() != chances.argmax())


@pytest.mark.parametrize("seed", range(8))
def test_of_what_may_be_written_known_names_are_raised(seed: int) -> None:
    ahead, chances = outlook(seed)
    allowed, known = [2, 3, 5, 8, 13], [3, 8, 30]
    narrowed = np.where(np.isin(np.arange(SIZE), allowed), chances, 0)
    expected = np.where(np.isin(np.arange(SIZE), known), narrowed * math.exp(2), narrowed)
    expected *= narrowed.sum() / expected.sum()
    decoding = Decoding(9, names=Known(known, 2.0), constraint=lambda: Only(allowed))
    for token in ahead.likeliest(Writing(decoding), 2):
        assert token.logprob == pytest.approx(math.log(expected[token.id]), abs=1e-5)


def test_ids_beyond_the_vocabulary_are_left_out() -> None:
    ahead, chances = outlook(0)
    (token,) = ahead.likeliest(Writing(Decoding(9, memory=Remembered({SIZE + 3: 0.9}))), 1)
    assert token.id == chances.argmax()


def test_a_text_tells_its_memory_what_was_written() -> None:
    asked = []

    class Asked(Remembered):
        def shares(
            self, written: Sequence[int], entropy: float, allowed: Sequence[int] | None = None
        ) -> Mapping[int, float]:
            asked.append(list(written))
            return {4: 0.9}

    writing = Writing(Decoding(9, memory=Asked({}), constraint=lambda: Only([4, 7])))
    assert not writing.is_free
    assert writing.choose(outlook(1)[0]).id == 4
    assert writing.is_free
    writing.choose(outlook(2)[0])
    assert asked == [[], [4]]
