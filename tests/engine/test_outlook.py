"""The model's distribution with a memory's: against the whole vocabulary, mixed the slow way."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding, Raised, Remembered
from slm_lsp.engine.outlook import Outlook, Writing

SIZE = 40


class Voice(NamedTuple):
    """What one voice remembers (see `Remembered`)."""

    told: Mapping[int, float]
    loudness: float
    doubt: float = 0.0
    power: float = 0.0


def remembered(said: Sequence[Voice], allowed: Sequence[int] | None = None) -> Remembered | None:
    ids = sorted({id for one in said for id in one.told if allowed is None or id in allowed})
    shares = np.array([[one.told.get(id, 0.0) for id in ids] for one in said])
    loud = (np.array([one[at] for one in said]) for at in (1, 2, 3))
    return Remembered(np.array(ids), shares, *loud) if ids else None


class Fixed:
    """A memory that says the same everywhere, and knows what the model said where it was asked last."""

    def __init__(self, *said: Voice) -> None:
        self._said = said
        self.heard: tuple[list[int], float, list[float]] | None = None

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        return remembered(self._said, allowed)

    def noted(self, written: Sequence[int], entropy: float, logs: NDArray[np.float64]) -> None:
        self.heard = list(written), entropy, logs.tolist()

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


def mixed(chances: NDArray[np.float64], said: Sequence[Voice]) -> NDArray[np.float64]:
    made, entropy = chances.copy(), -(chances[chances > 0] * np.log(chances[chances > 0])).sum()
    for one in said:
        for id, share in one.told.items():
            made[id] += share * math.exp(one.loudness + one.doubt * entropy) * chances[id] ** one.power
    return np.asarray(made / made.sum())


SAID: list[list[Voice]] = [
    [],
    [Voice({3: 0.2}, 0.5)],
    [Voice({5: 0.6, 6: 0.3}, 1.0, 0.3, 0.4)],
    [Voice({1: 0.5, 2: 0.1}, -1.0, 0.2, 0.5), Voice({2: 0.7, 8: 0.3}, 0.4, 0.1, 0.9)],
    [Voice({9: 1.0}, 3.5, 0.0, 1.0)],
]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("said", SAID)
def test_choice_probability_and_entropy_are_those_of_the_mixture(seed: int, said: list[Voice]) -> None:
    ahead, chances = outlook(seed)
    expected = mixed(chances, said)
    order = np.argsort(-expected, kind="stable")
    entropy = -(expected * np.log(expected)).sum()
    for count in (1, 3):
        tokens = ahead.likeliest(Writing(Decoding(9, memory=Fixed(*said))), count)
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
    expected = mixed(narrowed / narrowed.sum(), [Voice({8: 0.6, 13: 0.2}, 0.7, 0.2, 0.4)])
    memory = Fixed(Voice({8: 0.6, 13: 0.2, 1: 0.2}, 0.7, 0.2, 0.4))
    decoding = Decoding(9, memory=memory, constraint=lambda: Only(allowed))
    tokens = ahead.likeliest(Writing(decoding), 3)
    assert [token.id for token in tokens] == np.argsort(-expected, kind="stable")[:3].tolist()
    for token in tokens:
        assert token.logprob == pytest.approx(math.log(expected[token.id] * narrowed.sum()), abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("known", [[3], [5, 7, 9], range(20), range(SIZE)])
def test_known_names_are_raised_in_the_mixture(seed: int, said: list[Voice], known: Sequence[int]) -> None:
    ahead, chances = outlook(seed)
    plain = mixed(chances, said)
    expected = np.where(np.isin(np.arange(SIZE), known), plain * math.exp(1.7), plain)
    expected /= expected.sum()
    entropy = -(expected * np.log(expected)).sum()
    best = int(expected.argmax())
    for count in (1, 3):
        decoding = Decoding(9, memory=Fixed(*said), names=Known(known, 1.7))
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
    memory = Fixed(Voice({SIZE + 3: 0.9}, 5.0))
    (token,) = ahead.likeliest(Writing(Decoding(9, memory=memory)), 1)
    assert token.id == chances.argmax()
    # There is nothing to be said of them either.
    assert memory.heard is None


def test_a_text_tells_its_memory_what_was_written() -> None:
    asked = []

    class Asked(Fixed):
        def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
            asked.append(list(written))
            return remembered([Voice({4: 0.9}, 9.0)])

    writing = Writing(Decoding(9, memory=Asked(), constraint=lambda: Only([4, 7])))
    assert not writing.is_free
    assert writing.choose(outlook(1)[0]).id == 4
    assert writing.is_free
    writing.choose(outlook(2)[0])
    assert asked == [[], [4]]


def test_a_memory_is_told_what_the_model_alone_said_of_its_tokens() -> None:
    ahead, chances = outlook(3)
    memory = Fixed(Voice({4: 0.9, 7: 0.1}, 2.0), Voice({7: 1.0}, 1.0))
    ahead.likeliest(Writing(Decoding(9, memory=memory)), 1)
    assert memory.heard
    written, entropy, heard = memory.heard
    assert (written, entropy) == ([], ahead.entropy)
    assert np.exp(heard) == pytest.approx([chances[4], chances[7]], rel=1e-5)


def test_the_model_rules_out_what_memory_is_not_sure_of() -> None:
    ahead, chances = outlook(4)
    worst = int(chances.argmin())
    added = Writing(Decoding(9, memory=Fixed(Voice({worst: 1.0}, 1.0))))
    multiplied = Writing(Decoding(9, memory=Fixed(Voice({worst: 1.0}, 1.0, power=1.0))))
    assert ahead.likeliest(added, 1)[0].id == worst
    assert ahead.likeliest(multiplied, 1)[0].id == chances.argmax()
