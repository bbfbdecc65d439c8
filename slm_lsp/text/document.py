"""An open document, kept as a table of lines."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slm_lsp.text.lines import split
from slm_lsp.text.positions import Encoding
from slm_lsp.text.snapshot import Snapshot

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text between two positions; lines count from 0, columns are in the editor's units."""

    start_line: int
    start_units: int
    end_line: int
    end_units: int


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: `text` takes the place of `span`, or of the whole document if there is none."""

    text: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class LineEdit:
    """What one edit did: from line `first` on, the lines `removed` gave way to the lines `inserted`.

    Lines have their endings; line numbers are those of the text before the edit.
    """

    first: int
    removed: tuple[str, ...]
    inserted: tuple[str, ...]


class Document:
    """A document as its editor sees it. One thread owns it; others get snapshots.

    An edit costs about as much as the lines it touches. Half a surrogate pair, which is no character and
    which no tokenizer takes, is kept as U+FFFD.
    """

    def __init__(
        self,
        uri: str,
        language: str,
        version: int,
        text: str,
        *,
        encoding: Encoding = Encoding.UTF16,
        path: Path | None = None,
    ) -> None:
        self.uri = uri
        self.language = language
        self.version = version
        self.path = path
        self._encoding = encoding
        self._lines = split(_clean(text))
        self._snapshot: Snapshot | None = None

    def apply(self, changes: Iterable[Change], version: int) -> list[LineEdit]:
        """Apply edits in order, each to the text that the one before it left; positions are clamped.

        Returns what each did to the lines.
        """
        edits = []
        for change in changes:
            text = _clean(change.text)
            if change.span is None:
                edits.append(_difference(self._lines, lines := split(text)))
                self._lines = lines
            else:
                edits.append(self._replace(change.span, text))
        self.version = version
        self._snapshot = None
        return edits

    def locate(self, line: int, units: int) -> tuple[int, int]:
        """Return the line and code-point column nearest to a position in the editor's units."""
        if line < 0:
            return 0, 0
        last = len(self._lines) - 1
        if line > last:
            return last, len(self._lines[last])
        return line, self._encoding.column(self._lines[line], units)

    def snapshot(self) -> Snapshot:
        """Return this version of the document; the same object until the next edit."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self.uri, self.language, self.version, tuple(self._lines), self.path)
        return self._snapshot

    def _replace(self, span: Span, text: str) -> LineEdit:
        start = self.locate(span.start_line, span.start_units)
        end = self.locate(span.end_line, span.end_units)
        (first, head), (last, tail) = sorted((start, end))
        new = self._lines[first][:head] + text + self._lines[last][tail:]
        # A line feed that lands right behind a lone carriage return makes one ending with it.
        if first and new.startswith("\n") and self._lines[first - 1].endswith("\r"):
            first -= 1
            new = self._lines[first] + new
        lines = split(new)
        if last < len(self._lines) - 1:
            lines.pop()  # empty: the text ended with the ending of line `last`
        edit = LineEdit(first, tuple(self._lines[first : last + 1]), tuple(lines))
        self._lines[first : last + 1] = lines
        return edit


def _difference(old: list[str], new: list[str]) -> LineEdit:
    """Return the edit between two tables of lines, without the lines that both begin or end with."""
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
    return LineEdit(head, tuple(old[head : len(old) - tail]), tuple(new[head : len(new) - tail]))


def _clean(text: str) -> str:
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
