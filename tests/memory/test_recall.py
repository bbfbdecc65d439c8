"""What memory says at a place: the longest match speaks, other files and this one, and what is narrowed."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.memory.lookup import SAMPLE, Source
from slm_lsp.memory.recall import Recall
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import OWN, WORKSPACE, Weights

WEIGHTS = Weights.for_language("python")
WORKSPACE_WIDELY, OWN_WIDELY = WORKSPACE + 2, OWN + 2


def source(files: dict[str, list[int]], *counted: float) -> Source:
    return Source(Segment.build(files, 50), np.array(counted or [1.0] * len(files)))


def recall(past: list[int], workspace: list[Source], own: dict[str, list[int]] | None = None) -> Recall:
    return Recall(past, workspace, [source(own or {})], WEIGHTS, 50)


def told(
    made: Recall,
    written: Sequence[int] = (),
    allowed: Sequence[int] | None = None,
    voice: int = WORKSPACE,
) -> dict[int, float]:
    """Return the shares that a voice tells."""
    return {
        id: share
        for one in made.said_after(written, allowed)
        if one.voice == voice
        for id, share in one.told.items()
    }


def test_an_empty_memory_leaves_the_model_alone() -> None:
    made = recall([1, 2, 3], [source({})])
    assert made.recalled([]) is None
    assert made.said_after() == []
    assert made.draft([], 5) == []


def test_what_followed_the_longest_match_is_told() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 3, 5], "c": [8, 3, 5]}
    assert told(recall([1, 2], [source(files)]), [3]) == {4: 1.0}
    assert told(recall([7, 7], [source(files)]), [3]) == pytest.approx({4: 1 / 3, 5: 2 / 3})


def test_longer_matches_and_a_model_that_is_unsure_make_it_louder() -> None:
    sources = [source({"a": [1, 2, 3, 4, 5, 6, 7, 8, 9]})]
    long, short = (recall(past, sources).said_after() for past in ([1, 2, 3, 4, 5, 6, 7, 8], [11, 7, 8]))
    assert long[0].loudness > short[0].loudness
    assert long[0].doubt > 0


def test_the_file_itself_and_the_others_both_speak() -> None:
    made = recall([1, 2], [source({"a": [1, 2, 3]})], {"before": [1, 2, 4, 1, 2]})
    by_voice = {one.voice: set(one.told) for one in made.said_after()}
    assert by_voice == {WORKSPACE: {3}, OWN: {4}, WORKSPACE_WIDELY: {3}, OWN_WIDELY: {4}}


def test_places_with_shorter_matches_speak_too_the_louder_the_more_is_alike_around() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 3, 5], "c": [1, 7, 3, 6], "d": [8, 3, 7]}
    made = recall([1, 2], [source(files)])
    assert told(made, [3]) == {4: 1.0}
    shares = told(made, [3], voice=WORKSPACE_WIDELY)
    assert sorted(shares, key=lambda id: -shares[id])[:2] == [4, 6]
    assert shares[5] == pytest.approx(shares[7])
    assert sum(shares.values()) == pytest.approx(1)


def test_the_text_of_another_file_before_a_place_is_not_looked_at() -> None:
    apart, together = (
        recall([1, 2], [source(files)]).said_after([3])[0].evidence.alike
        for files in ({"a": [1, 2, 9], "b": [3, 5]}, {"a": [1, 2, 9, 3, 5]})
    )
    assert 0 < apart < together


def test_of_many_places_some_are_looked_at_all_over() -> None:
    count = 20 * SAMPLE
    half = [1, 2] * (count // 2)
    shares = told(recall([1], [source({"a": half, "b": [1, 3] * (count // 2)})]))
    assert shares == pytest.approx({2: 0.5, 3: 0.5}, abs=0.05)


def test_what_was_learned_makes_a_voice_louder() -> None:
    workspace, own = [source({"a": [1, 2, 3]})], [source({"before": [1, 2, 4, 1, 2]})]
    learned = Weights(WEIGHTS.fitted, (0.5, -0.25, 0.0, 1.0))
    plain, louder = (
        [one.loudness for one in Recall([1, 2], workspace, own, weights, 50).said_after()]
        for weights in (WEIGHTS, learned)
    )
    assert np.subtract(louder, plain) == pytest.approx([0.5, -0.25, 0.0, 1.0])


def test_files_left_out_count_nothing_and_near_ones_more() -> None:
    files = {"a": [1, 2, 3], "b": [1, 2, 4], "c": [1, 2, 5]}
    some = recall([1, 2], [source(files, 0.0, 3.0, 1.0)])
    assert told(some) == pytest.approx({4: 3 / 4, 5: 1 / 4})
    assert some.draft([], 3) == [4]
    assert told(recall([1, 2], [source(files, 0.0, 0.0, 0.0)])) == {}


def test_a_memory_of_some_of_the_files() -> None:
    files = {"a": [1, 2, 3], "b": [1, 2, 4], "c": [1, 2, 5]}
    made = recall([1, 2], [source(files, 0.0, 3.0, 1.0)], {"before": [1, 2, 6]})
    assert made.files == {"b", "c"}
    assert told(made.of(["c"])) == {5: 1.0}
    assert [one.voice for one in made.of([]).said_after()] == [OWN, OWN_WIDELY]


def test_a_half_typed_word_is_looked_up_from_the_last_whole_token() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 2, 3, 6]}
    made = recall([1, 2, 3], [source(files)])
    assert told(made).keys() == {4}
    # None of the longest match agrees with what is typed; a shorter one has what does.
    assert told(made, (), [5, 6, 7]).keys() == {6}
    assert told(made, (), [5, 7]) == {}


def test_two_segments_are_as_one() -> None:
    one, two = {"a": [1, 2, 3, 1, 2, 4]}, {"b": [1, 2, 3, 9]}
    apart = recall([1, 2], [source(one), source(two)]).said_after()
    together = recall([1, 2], [source(one | two)]).said_after()
    for some, other in zip(apart, together, strict=True):
        assert some.told == pytest.approx(other.told)
        assert some.evidence == pytest.approx(other.evidence)
        assert some.loudness == pytest.approx(other.loudness)


def test_what_the_model_says_where_the_prompt_ends_is_passed_on() -> None:
    heard = list[tuple[list[int], float, list[float]]]()

    def note(said: Remembered, entropy: float, logs: NDArray[np.float64]) -> None:
        heard.append((said.ids.tolist(), entropy, logs.tolist()))

    made = Recall([1, 2], [source({"a": [1, 2, 3]})], [], WEIGHTS, 50, note)
    made.recalled([])
    made.noted([], 1.5, np.array([-0.25]))
    made.recalled([3])
    made.noted([3], 2.5, np.zeros(0))
    assert heard == [([3], 1.5, [-0.25])]


def test_drafts_are_what_followed_the_commonest_next_token() -> None:
    files = {"a": [1, 2, 3, 7], "b": [1, 2, 4, 8, 9], "c": [1, 2, 4, 8, 9]}
    made = recall([1, 2], [source(files)])
    assert made.draft([], 10) == [4, 8, 9]
    assert made.draft([], 2) == [4, 8]
    assert made.draft([4], 10) == [8, 9]
    assert recall([2], [source(files)]).draft([], 10) == []
