import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.text.positions import Encoding
from tests.text.strategies import texts

CODECS = {Encoding.UTF8: ("utf-8", 1), Encoding.UTF16: ("utf-16-le", 2), Encoding.UTF32: ("utf-32-le", 4)}

encodings = st.sampled_from(Encoding)
one_line = texts().map(lambda text: text.replace("\r", "").replace("\n", ""))


@given(encodings, one_line, st.sampled_from(["", "\n", "\r\n", "\r"]))
def test_every_column_comes_back(encoding: Encoding, line: str, ending: str) -> None:
    for column in range(len(line) + 1):
        assert encoding.column(line + ending, encoding.units(line + ending, column)) == column


@given(encodings, one_line)
def test_units_are_those_of_the_encoding(encoding: Encoding, line: str) -> None:
    codec, size = CODECS[encoding]
    for column in range(len(line) + 1):
        assert encoding.units(line, column) == len(line[:column].encode(codec)) // size


@pytest.mark.parametrize(
    ("encoding", "units", "column"),
    [
        (Encoding.UTF8, 2, 1),
        (Encoding.UTF8, 4, 1),
        (Encoding.UTF8, 5, 2),
        (Encoding.UTF16, 2, 1),
        (Encoding.UTF16, 3, 2),
        (Encoding.UTF32, 2, 2),
    ],
)
def test_inside_a_character_is_its_start(encoding: Encoding, units: int, column: int) -> None:
    """``a😀b``: the emoji has four units in UTF-8, two in UTF-16, one in UTF-32."""
    assert encoding.column("a😀b", units) == column


@given(encodings, one_line, st.sampled_from(["", "\n", "\r\n", "\r"]))
def test_beyond_the_line_is_its_end(encoding: Encoding, line: str, ending: str) -> None:
    assert encoding.column(line + ending, 10_000) == len(line)
    assert encoding.units(line + ending, 10_000) == encoding.units(line, len(line))


@given(encodings, one_line)
def test_before_the_line_is_its_start(encoding: Encoding, line: str) -> None:
    assert encoding.column(line, -5) == encoding.units(line, -5) == 0
