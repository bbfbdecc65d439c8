from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.text.lines import split
from tests.text.strategies import texts


@given(texts())
def test_lines_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text


@given(texts())
def test_only_the_last_line_has_no_ending(text: str) -> None:
    *lines, last = split(text)
    assert all(line.endswith(("\n", "\r")) for line in lines)
    assert not last.endswith(("\n", "\r"))


@given(texts())
def test_an_ending_ends_its_line(text: str) -> None:
    """No line break hides inside a line, and a CRLF counts once."""
    lines = split(text)
    assert len(lines) - 1 == text.count("\n") + text.count("\r") - text.count("\r\n")


@given(st.sampled_from("\f\v\x1c\x1d\x1e\x85\u2028\u2029"))
def test_what_python_calls_a_line_break_is_text(character: str) -> None:
    assert split(f"a{character}b\n") == [f"a{character}b\n", ""]


def test_an_empty_text_has_one_line() -> None:
    assert split("") == [""]
