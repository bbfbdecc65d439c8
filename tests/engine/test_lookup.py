from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.engine.lookup import LONGEST, SHORTEST, Lookup

TOKENS = st.lists(st.integers(0, 3), max_size=40)


@given(TOKENS, TOKENS, st.integers(0, 9))
def test_it_proposes_what_followed_the_longest_run_before(
    noted: list[int], tokens: list[int], limit: int
) -> None:
    lookup = Lookup()
    lookup.note(noted)
    expected: list[int] = []
    for length in range(min(LONGEST, len(tokens) - 1), SHORTEST - 1, -1):
        run = tokens[-length:]
        for text, last in ((tokens, len(tokens) - 1), (noted, len(noted))):
            places = [at for at in range(last - length + 1) if text[at : at + length] == run]
            if places and not expected:
                expected = text[places[-1] + length :][:limit]
    assert list(lookup.propose(tokens, limit)) == expected


def test_large_ids_are_compared_whole() -> None:
    lookup = Lookup()
    lookup.note([1, 256, 65536, 7])
    assert lookup.propose([256, 65536], 3) == ()
    assert lookup.propose([9, 256, 65536], 3) == [7]
