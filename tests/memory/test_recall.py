"""What memory says at a place: the longest match speaks, other files and this one, and what is narrowed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from slm_lsp.memory.recall import Recall, Said, Source
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import OWN, WORKSPACE, Weights

WEIGHTS = Weights.for_language("python")


def source(files: dict[str, list[int]], *counted: float) -> Source:
    segment = Segment.build(files, 50)
    return Source(segment, np.array(counted or [1.0] * len(files)), not counted)


def recall(past: list[int], workspace: list[Source], own: dict[str, list[int]] | None = None) -> Recall:
    return Recall(past, workspace, [source(own or {})], WEIGHTS)


def told(made: Recall, written: Sequence[int] = (), allowed: Sequence[int] | None = None) -> dict[int, float]:
    """Return the shares that the other files tell."""
    return {
        id: share
        for one in made.said_after(written, allowed)
        if one.kind == WORKSPACE
        for id, share in one.remembered.told.items()
    }


def test_an_empty_memory_leaves_the_model_alone() -> None:
    made = recall([1, 2, 3], [source({})])
    assert made.recalled([]) == []
    assert made.draft([], 5) == []


def test_what_followed_the_longest_match_is_told() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 3, 5], "c": [8, 3, 5]}
    assert told(recall([1, 2], [source(files)]), [3]) == {4: 1.0}
    assert told(recall([7, 7], [source(files)]), [3]) == pytest.approx({4: 1 / 3, 5: 2 / 3})


def test_longer_matches_and_a_model_that_is_unsure_make_it_louder() -> None:
    sources = [source({"a": [1, 2, 3, 4, 5, 6, 7, 8, 9]})]
    (long,), (short,) = (
        recall(past, sources).recalled([]) for past in ([1, 2, 3, 4, 5, 6, 7, 8], [11, 7, 8])
    )
    assert long.loudness > short.loudness
    assert long.doubt > 0


def test_the_file_itself_and_the_others_both_speak() -> None:
    made = recall([1, 2], [source({"a": [1, 2, 3]})], {"before": [1, 2, 4, 1, 2]})
    assert {one.kind: set(one.remembered.told) for one in made.said_after()} == {WORKSPACE: {3}, OWN: {4}}


def test_what_was_learned_makes_a_kind_of_source_louder() -> None:
    workspace, own = [source({"a": [1, 2, 3]})], [source({"before": [1, 2, 4, 1, 2]})]
    plain = Recall([1, 2], workspace, own, WEIGHTS).recalled([])
    learned = Recall([1, 2], workspace, own, Weights(WEIGHTS.fitted, (0.5, -0.25))).recalled([])
    assert [one.loudness - two.loudness for one, two in zip(learned, plain, strict=True)] == [0.5, -0.25]


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
    assert [one.kind for one in made.of([]).said_after()] == [OWN]


def test_a_half_typed_word_is_looked_up_from_the_last_whole_token() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 2, 3, 6]}
    made = recall([1, 2, 3], [source(files)])
    assert told(made).keys() == {4}
    # None of the longest match agrees with what is typed; a shorter one has what does.
    assert told(made, (), [5, 6, 7]).keys() == {6}
    assert told(made, (), [5, 7]) == {}


def test_two_segments_are_as_one() -> None:
    one, two = {"a": [1, 2, 3, 1, 2, 4]}, {"b": [1, 2, 3, 9]}
    (apart,) = recall([1, 2], [source(one), source(two)]).recalled([])
    (together,) = recall([1, 2], [source(one | two)]).recalled([])
    assert apart.told == pytest.approx(together.told)
    assert apart[1:] == together[1:]


def test_what_the_model_says_where_the_prompt_ends_is_passed_on() -> None:
    heard = list[tuple[list[Said], float, Mapping[int, float]]]()

    def note(said: Sequence[Said], entropy: float, chances: Mapping[int, float]) -> None:
        heard.append((list(said), entropy, chances))

    made = Recall([1, 2], [source({"a": [1, 2, 3]})], [], WEIGHTS, note)
    made.recalled([])
    made.noted([], 1.5, {3: 0.25})
    made.recalled([3])
    made.noted([3], 2.5, {})
    ((said, entropy, chances),) = heard
    assert ([one.kind for one in said], entropy, chances) == ([WORKSPACE], 1.5, {3: 0.25})


def test_drafts_are_what_followed_the_commonest_next_token() -> None:
    files = {"a": [1, 2, 3, 7], "b": [1, 2, 4, 8, 9], "c": [1, 2, 4, 8, 9]}
    made = recall([1, 2], [source(files)])
    assert made.draft([], 10) == [4, 8, 9]
    assert made.draft([], 2) == [4, 8]
    assert made.draft([4], 10) == [8, 9]
    assert recall([2], [source(files)]).draft([], 10) == []
