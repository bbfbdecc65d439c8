from slm_lsp.completion.confidence import (
    FEATURES,
    WEIGHTS,
    Acceptance,
    best_length,
    chance,
    features,
    threshold,
)
from slm_lsp.completion.filters import Candidate
from slm_lsp.completion.request import Draft, Written
from tests.completion.places import place

PLACE = place("def f(a):\n    ¦\n")


def draft(text: str, *logprobs: float) -> Draft:
    """A draft whose tokens share its text evenly."""
    size = len(text) / len(logprobs)
    tokens = tuple(Written(round((i + 1) * size), logprob, 1.0) for i, logprob in enumerate(logprobs))
    return Draft(text, "end of the line", True, tokens)


def sure(text: str, *logprobs: float) -> float:
    return chance(features(Candidate(text), draft(text, *logprobs), PLACE))


def test_there_is_a_weight_for_each_feature() -> None:
    assert len(WEIGHTS) == len(FEATURES) == len(features(Candidate("a"), draft("a", -1.0), PLACE))


def test_a_sure_text_is_more_likely_right_than_a_guess() -> None:
    assert sure("return a", -0.05, -0.1) > sure("return a", -1.5, -2.5)


def test_unknown_names_lower_the_chance() -> None:
    one = draft("return a", -0.1)
    assert chance(features(Candidate("return a", unknown=2), one, PLACE)) < sure("return a", -0.1)


def test_who_accepts_more_is_shown_more() -> None:
    values = features(Candidate("return a"), draft("return a", -0.5), PLACE)
    eager, weary = Acceptance(200, 150), Acceptance(200, 5)
    assert chance(values, weary) < chance(values) < chance(values, eager)


def test_eagerness_moves_the_threshold() -> None:
    assert threshold(100) == 0
    assert threshold(0) == 1


def test_a_long_text_is_cut_where_confidence_falls() -> None:
    text = "a = 1\nb = 2\nc = 3333"
    good, bad = draft(text, *[-0.05] * 6), draft(text, *[-0.05] * 4, *[-6.0] * 2)
    acceptance = Acceptance()
    assert best_length(Candidate(text), good, PLACE, 0.01, acceptance) == len(text)
    assert text[: best_length(Candidate(text), bad, PLACE, 0.01, acceptance)] == "a = 1\nb = 2"
    hopeless = draft(text, *[-6.0] * 6)
    assert best_length(Candidate(text), hopeless, PLACE, 0.5, acceptance) == 0


def test_a_text_is_not_cut_where_a_bracket_is_open() -> None:
    text = "a = [\n    1,\n]\nb = 2"
    torn = draft(text, *[-0.05] * 3, *[-6.0] * 6)
    length = best_length(Candidate(text), torn, PLACE, 0.01, Acceptance())
    assert text[:length] in ("", "a = [\n    1,\n]", text)
