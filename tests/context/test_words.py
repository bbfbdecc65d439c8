import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.context.words import likeness, words


def test_identifiers_count_whole_and_in_their_parts() -> None:
    assert words("HTTPServer_name2.readAll(x)") == {
        "httpserver_name2",
        "http",
        "server",
        "name",
        "readall",
        "read",
        "all",
    }


def test_keywords_and_the_commonest_names_say_nothing() -> None:
    assert words("def self(str): return None") == set()


@given(st.sets(st.text()), st.sets(st.text()))
def test_likeness_is_one_for_the_same_and_nothing_for_nothing_in_common(
    one: set[str], other: set[str]
) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == (1 if one else 0)
    assert likeness(one, other - one) == 0


def test_likeness_is_the_common_share() -> None:
    assert likeness({"a", "b", "c"}, {"b", "c", "d"}) == pytest.approx(0.5)
