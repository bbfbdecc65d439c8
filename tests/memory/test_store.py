"""The store counts exactly, forgets exactly, and comes back from disk as it was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_lsp.memory import disk, lookup, store
from slm_lsp.memory.kernels.plan import LONGEST
from slm_lsp.memory.lookup import Lookup, Source
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.store import Store
from slm_lsp.memory.weights import WORKSPACE, Weights

VOCABULARIES = (50, 70_000)
"""Ids of two bytes, and of four."""

ids = st.lists(st.integers(0, 3), max_size=30)
files = st.dictionaries(st.sampled_from("abcdef"), ids, max_size=5)
edits = st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | ids, st.booleans()), max_size=12)


def naive(files: Mapping[str, Sequence[int]], context: Sequence[int]) -> Counter[int]:
    """What followed a context in some files, by looking at every place."""
    length = len(context)
    return Counter(
        text[at]
        for text in files.values()
        for at in range(length, len(text))
        if list(text[at - length : at]) == list(context)
    )


def counts(store: Store, context: Sequence[int]) -> tuple[int, dict[int, float]]:
    """The length of the longest match, and what followed it, counted by the machine code at every place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "SAMPLE", 1000)
        sources = [Source(layer.segment, layer.alive.astype(np.float64)) for layer in store.layers]
        made = Lookup((sources, ()), Weights.for_language("python"), store.vocabulary)
        if (found := made.after(context)) is None:
            return 0, {}
    length, places, *_ = made.evidence[WORKSPACE]
    shares = zip(found.ids.tolist(), (found.shares[WORKSPACE] * places).tolist(), strict=True)
    return length, {id: round(count, 6) for id, count in shares if count}


def expected(files: Mapping[str, Sequence[int]], context: Sequence[int]) -> tuple[int, Counter[int]]:
    """The same, by looking at every place for each length."""
    for length in range(min(LONGEST, len(context)), 0, -1):
        if found := naive(files, context[-length:]):
            return length, found
    return 0, Counter()


def filled(files: Mapping[str, Sequence[int]], vocabulary: int) -> Store:
    made = Store(vocabulary)
    for name, text in files.items():
        made.put(name, text)
    made.settle()
    return made


@settings(deadline=None, max_examples=50)
@given(files, st.lists(st.integers(0, 3), min_size=1, max_size=10), st.sampled_from(VOCABULARIES))
def test_counts_after_the_longest_match_are_exact(
    files: dict[str, list[int]], context: list[int], vocabulary: int
) -> None:
    made = filled(files, vocabulary)
    for length in range(1, len(context) + 1):
        last = context[-length:]
        assert counts(made, last) == expected(files, last)


@settings(deadline=None, max_examples=50)
@given(files, edits, st.integers(0, 40), st.sets(st.sampled_from("abcdef")))
def test_edits_in_any_order_leave_what_a_fresh_store_has(
    files: dict[str, list[int]],
    edits: list[tuple[str, list[int] | None, bool]],
    recent: int,
    first: set[str],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "RECENT", recent)
        made = filled(files, 50)
        now = dict(files)
        for name, text, settled in edits:
            if text is None:
                made.remove(name)
                now.pop(name, None)
            else:
                made.put(name, text)
                now[name] = text
            if settled:
                made.settle()
        made.settle()
        contexts = [
            text[at - 3 : at] for text in [*now.values(), *files.values()] for at in range(3, len(text))
        ]
        for context in contexts:
            for length in range(1, 4):
                assert counts(made, context[-length:]) == expected(now, context[-length:])
        for names in (set(first), set(now)):
            made.compact(names)
            assert set(made.layers[0].segment.names) == names & set(now)
            assert sorted(name for layer in made.layers for name in layer.segment.names) == sorted(now)
            for context in contexts:
                assert counts(made, context) == expected(now, context)
        (layer,) = made.layers
        fresh = Segment.build({name: now[name] for name in layer.segment.names}, 50)
        assert np.array_equal(layer.segment.backwards, fresh.backwards)
        assert np.array_equal(layer.segment.order, fresh.order)


@settings(deadline=None, max_examples=50)
@given(files, st.sampled_from(VOCABULARIES))
def test_files_come_out_as_they_went_in(files: dict[str, list[int]], vocabulary: int) -> None:
    segment = Segment.build(files, vocabulary)
    assert {name: segment.tokens_of(n).tolist() for n, name in enumerate(segment.names)} == files


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_a_segment_comes_back_from_disk(tmp_path: Path, vocabulary: int) -> None:
    texts = {"a": [1, 2, 3, 1, 2, 4] * 9, "b": [], "c": [2, 3, 1]}
    made, stamps = Segment.build(texts, vocabulary), {"a": (5, 6)}
    disk.save(tmp_path / "x.memory", made, stamps, "tokenizer", [])
    found = disk.load(tmp_path / "x.memory", "tokenizer")
    assert found is not None
    assert found[1] == stamps
    back = Store(vocabulary, found[0])
    for length in range(1, LONGEST + 1):
        context = [1, 2, 3, 1, 2, 4, 1, 2][-length:]
        assert counts(back, context) == expected(texts, context)
    assert (tmp_path / "x.memory").stat().st_mode & 0o077 == 0


def test_another_tokenizers_file_and_a_torn_one_are_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "x.memory"
    assert disk.load(file, "one") is None
    disk.save(file, Segment.build({"a": [1, 2, 3]}, 50), {}, "one", [tmp_path])
    assert disk.load(file, "another") is None
    whole = file.read_bytes()
    assert disk.roots(file) == [tmp_path]
    for torn in (b"", whole[:-1], whole[: len(whole) // 2], b"\xff" * len(whole)):
        file.write_bytes(torn)
        assert disk.load(file, "one") is None
        assert disk.roots(file) is None
    for at in range(len(whole) - len(whole[whole.index(b"{") :])):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert disk.load(file, "one") is None
