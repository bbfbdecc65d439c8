"""What memory says at a place: the longest match speaks, other files and this one, and what is narrowed."""

import numpy as np
import pytest

from slm_lsp.memory.recall import Recall, Source
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import Weights

WEIGHTS = Weights.for_language("python")
UNSURE = 3.0
"""The entropy of a model that does not know what comes next."""


def source(files: dict[str, list[int]], *counted: float) -> Source:
    segment = Segment.build(files, 50)
    return Source(segment, np.array(counted or [1.0] * len(files)), not counted)


def recall(past: list[int], workspace: list[Source], own: dict[str, list[int]] | None = None) -> Recall:
    return Recall(past, workspace, [source(own or {})], WEIGHTS)


def test_an_empty_memory_leaves_the_model_alone() -> None:
    made = recall([1, 2, 3], [source({})])
    assert made.shares([], UNSURE) == {}
    assert made.draft([], 5) == []


def test_what_followed_the_longest_match_gets_a_share() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 3, 5], "c": [8, 3, 5]}
    made = recall([1, 2], [source(files)])
    assert made.shares([3], UNSURE).keys() == {4}
    assert recall([7, 7], [source(files)]).shares([3], UNSURE).keys() == {4, 5}


def test_longer_matches_and_a_model_that_is_unsure_give_a_greater_share() -> None:
    sources = [source({"a": [1, 2, 3, 4, 5, 6, 7, 8, 9]})]
    long, short = recall([1, 2, 3, 4, 5, 6, 7, 8], sources), recall([11, 7, 8], sources)
    assert long.shares([], UNSURE)[9] > short.shares([], UNSURE)[9]
    assert long.shares([], UNSURE)[9] > long.shares([], 0.1)[9]
    assert sum(long.shares([], 50.0).values()) < 1


def test_the_file_itself_and_the_others_both_speak() -> None:
    made = recall([1, 2], [source({"a": [1, 2, 3]})], {"before": [1, 2, 4, 1, 2]})
    shares = made.shares([], UNSURE)
    assert shares.keys() == {3, 4}
    assert sum(shares.values()) < 1


def test_files_left_out_count_nothing_and_near_ones_more() -> None:
    files = {"a": [1, 2, 3], "b": [1, 2, 4], "c": [1, 2, 5]}
    shares = recall([1, 2], [source(files, 0.0, 3.0, 1.0)]).shares([], UNSURE)
    assert shares.keys() == {4, 5}
    assert shares[4] == pytest.approx(3 * shares[5])
    assert recall([1, 2], [source(files, 0.0, 0.0, 0.0)]).shares([], UNSURE) == {}
    assert recall([1, 2], [source(files, 0.0, 3.0, 1.0)]).draft([], 3) == [4]


def test_a_half_typed_word_is_looked_up_from_the_last_whole_token() -> None:
    files = {"a": [1, 2, 3, 4], "b": [9, 2, 3, 6]}
    made = recall([1, 2, 3], [source(files)])
    assert made.shares([], UNSURE).keys() == {4}
    # None of the longest match agrees with what is typed; a shorter one has what does.
    assert made.shares([], UNSURE, [5, 6, 7]).keys() == {6}
    assert made.shares([], UNSURE, [5, 7]) == {}


def test_two_segments_are_as_one() -> None:
    one, two = {"a": [1, 2, 3, 1, 2, 4]}, {"b": [1, 2, 3, 9]}
    apart = recall([1, 2], [source(one), source(two)])
    together = recall([1, 2], [source(one | two)])
    assert apart.shares([], UNSURE) == pytest.approx(together.shares([], UNSURE))


def test_drafts_are_what_followed_the_commonest_next_token() -> None:
    files = {"a": [1, 2, 3, 7], "b": [1, 2, 4, 8, 9], "c": [1, 2, 4, 8, 9]}
    made = recall([1, 2], [source(files)])
    assert made.draft([], 10) == [4, 8, 9]
    assert made.draft([], 2) == [4, 8]
    assert made.draft([4], 10) == [8, 9]
    assert recall([2], [source(files)]).draft([], 10) == []
