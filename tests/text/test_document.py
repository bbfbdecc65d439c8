"""Edits against a naive model: the text is one `str`, every position found by counting from its start."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_lsp.text.document import Change, Document, Span
from slm_lsp.text.lines import split
from slm_lsp.text.positions import Encoding
from tests.text.strategies import texts

WIDTH: dict[Encoding, Callable[[str], int]] = {
    Encoding.UTF8: lambda character: len(character.encode()),
    Encoding.UTF16: lambda character: 2 if character > "\uffff" else 1,
    Encoding.UTF32: lambda character: 1,
}


def offset(text: str, line: int, units: int, encoding: Encoding) -> int:
    """Find a position by walking the text character by character."""
    if line < 0:
        return 0
    starts = [0, *(match.end() for match in re.finditer("\r\n|\n|\r", text))]
    if line >= len(starts):
        return len(text)
    at, counted = starts[line], 0
    while at < len(text) and text[at] not in "\r\n":
        counted += WIDTH[encoding](text[at])
        if counted > units:
            break
        at += 1
    return at


def edited(text: str, change: Change, encoding: Encoding) -> str:
    if change.span is None:
        return change.text
    start = offset(text, change.span.start_line, change.span.start_units, encoding)
    end = offset(text, change.span.end_line, change.span.end_units, encoding)
    start, end = min(start, end), max(start, end)
    return text[:start] + change.text + text[end:]


spans = st.builds(Span, st.integers(-1, 8), st.integers(-1, 20), st.integers(-1, 8), st.integers(-1, 20))
changes = st.builds(Change, texts(4), st.one_of(spans, spans, spans, spans, st.none()))


@settings(max_examples=2000)
@given(st.sampled_from(Encoding), texts(), st.lists(changes, min_size=1, max_size=8))
def test_edits_leave_what_the_naive_model_has(encoding: Encoding, text: str, edits: list[Change]) -> None:
    document = Document("file:///a", "python", 0, text, encoding=encoding)
    for version, change in enumerate(edits, 1):
        document.apply([change], version)
        text = edited(text, change, encoding)
        assert document.snapshot().lines == tuple(split(text))
        assert document.snapshot().version == version


@settings(max_examples=300)
@given(st.sampled_from(Encoding), texts(), st.lists(changes, max_size=6))
def test_edits_of_one_message_follow_one_another(encoding: Encoding, text: str, edits: list[Change]) -> None:
    document = Document("file:///a", "python", 0, text, encoding=encoding)
    document.apply(edits, 1)
    for change in edits:
        text = edited(text, change, encoding)
    assert "".join(document.snapshot().lines) == text


@given(st.sampled_from(Encoding), texts(), st.integers(-2, 8), st.integers(-2, 20))
def test_a_cursor_is_found_where_the_naive_model_has_it(
    encoding: Encoding, text: str, line: int, units: int
) -> None:
    document = Document("file:///a", "python", 0, text, encoding=encoding)
    before = document.snapshot().before(*document.locate(line, units))
    assert before == text[: offset(text, line, units, encoding)]


@pytest.mark.parametrize(
    ("text", "change", "lines"),
    [
        ("a\rb", Change("\n", Span(1, 0, 1, 0)), ("a\r\n", "b")),
        ("a\rx\nb", Change("", Span(1, 0, 1, 1)), ("a\r\n", "b")),
        ("a\nb", Change("\r", Span(0, 1, 0, 1)), ("a\r\n", "b")),
        ("a\r\nb", Change("x", Span(0, 9, 0, 9)), ("ax\r\n", "b")),
        ("a\rb\rc", Change("\n", Span(1, 0, 2, 0)), ("a\r\n", "c")),
        ("a\r\n", Change("b", Span(7, 0, 7, 0)), ("a\r\n", "b")),
    ],
    ids=[
        "insert LF after CR",
        "uncover LF after CR",
        "insert CR before LF",
        "type before CRLF",
        "replace",
        "at the end",
    ],
)
def test_edits_at_line_endings(text: str, change: Change, lines: tuple[str, ...]) -> None:
    document = Document("file:///a", "python", 0, text)
    document.apply([change], 1)
    assert document.snapshot().lines == lines


def test_half_a_pair_becomes_a_replacement_character_of_the_same_width() -> None:
    """A tokenizer refuses lone surrogates; later columns must still agree with the editor's."""
    document = Document("file:///a", "python", 0, "x\ud83dy")
    document.apply([Change("\ude00", Span(0, 3, 0, 3))], 1)
    assert document.snapshot().lines == ("x\ufffdy\ufffd",)


def test_a_snapshot_is_shared_until_the_next_edit() -> None:
    document = Document("file:///a", "python", 0, "a")
    first = document.snapshot()
    assert document.snapshot() is first
    document.apply([Change("b")], 1)
    assert (first.lines, document.snapshot().lines) == (("a",), ("b",))
