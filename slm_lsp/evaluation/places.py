"""Where holes are cut into a file: the kinds of place where people let code be completed."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from slm_lsp.completion.stopping import indentation
from slm_lsp.context import grammars
from slm_lsp.context.languages import comment

BLOCK_LINES = 8
"""The longest block in lines: what `max_lines` lets through by default."""


class Kind(Enum):
    """What is missing.

    The end of a line from any character on; a line's text after its indentation; what stands in the
    parentheses of a call on one line; the lines of a block, after the first one's indentation.
    """

    END_OF_LINE = "end of line"
    WHOLE_LINE = "whole line"
    CALL = "inside a call"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Hole:
    """Characters `start` to `end` of a text, which are to be filled in."""

    kind: Kind
    start: int
    end: int


_WORD = re.compile(r"\w")
_BLOCKS = frozenset(
    (
        *("block", "body_statement", "compound_statement", "constructor_body", "statement_block"),
        *("statements", "function_body"),
    )
)
_CALLS = frozenset(("argument_list", "arguments", "value_arguments"))
# Without a grammar: a pair of parentheses after a name, with none inside.
_CALL = re.compile(r"\w\(([^()\r\n]*\w[^()\r\n]*)\)")
_QUOTES = ("'", '"', "`")


class Places:
    """The places of one file. Prose in comments and in strings of several lines is none of them."""

    def __init__(self, text: str, language: str) -> None:
        self._text = text
        self._lines = [(match.start(), match.end()) for match in re.finditer(r"[^\r\n]+", text)]
        self._prose = bytearray(len(text))
        calls: list[tuple[int, int]] = []
        blocks: list[tuple[int, int]] = []
        if language in grammars.LANGUAGES:
            for span, below in _with_children(list(grammars.spans(language, text))):
                if "comment" in span.type or ("string" in span.type and "\n" in text[span.start : span.end]):
                    self._prose[span.start : span.end] = b"\1" * (span.end - span.start)
                elif span.type in _CALLS and text[span.start : span.start + 1] == "(":
                    calls.append((span.start + 1, span.end - 1))
                elif span.type in _BLOCKS and below:
                    # What stands above the first statement is prose as well.
                    code = [one.start for one in below if not self._begins_in_prose(one)]
                    # Go's last statement takes the end of its line with it.
                    blocks += [
                        (first, first + len(text[first : below[-1].end].rstrip())) for first in code[:1]
                    ]
        else:
            calls = [match.span(1) for match in _CALL.finditer(text)]
            blocks = list(self._indented())
        self._calls = [Hole(Kind.CALL, *span) for span in calls if self._fits_call(*span)]
        self._blocks = [Hole(Kind.BLOCK, *span) for span in blocks if self._fits_block(*span)]
        opener = (comment(language) or ("",))[0]
        self._code = [
            (start, end)
            for start, end in self._trimmed()
            if _WORD.search(text, start, end)
            and not any(self._prose[start:end])
            and not (opener and text.startswith(opener, start))
        ]

    def draw(self, kind: Kind, rng: random.Random) -> Hole | None:
        """Draw a hole of a kind, or None if the file has none."""
        if kind in (Kind.CALL, Kind.BLOCK):
            holes = self._calls if kind is Kind.CALL else self._blocks
        else:
            holes = [Hole(kind, *line) for line in self._code]
        if not holes:
            return None
        hole = rng.choice(holes)
        if kind is not Kind.END_OF_LINE:
            return hole
        last = max(match.start() for match in _WORD.finditer(self._text, hole.start, hole.end))
        return Hole(kind, rng.randint(min(hole.start + 1, last), last), hole.end)

    def _trimmed(self) -> Iterator[tuple[int, int]]:
        """Yield each line that is not blank, without the white space around it."""
        for start, end in self._lines:
            line = self._text[start:end]
            if line.strip():
                yield start + len(line) - len(line.lstrip()), start + len(line.rstrip())

    def _begins_in_prose(self, span: grammars.Span) -> bool:
        return "comment" in span.type or self._text.startswith(_QUOTES, span.start)

    def _fits_call(self, start: int, end: int) -> bool:
        inner = self._text[start:end]
        return "\n" not in inner and bool(_WORD.search(inner)) and not any(self._prose[start:end])

    def _fits_block(self, start: int, end: int) -> bool:
        """Whether a block begins and ends with its lines, and is neither too long nor begins in prose."""
        text = self._text
        line = text[text.rfind("\n", 0, start) + 1 : start]
        rest = text[end:].partition("\n")[0]
        return (
            not (line.strip() or rest.strip())
            and bool(_WORD.search(text, start, end))
            and text.count("\n", start, end) < BLOCK_LINES
            and not self._prose[start]
        )

    def _indented(self) -> Iterator[tuple[int, int]]:
        """Yield the runs of lines that are indented more than the line above them."""
        lines = list(self._trimmed())
        widths = [indentation(self._text[self._text.rfind("\n", 0, start) + 1 : end]) for start, end in lines]
        for index in range(1, len(lines)):
            if widths[index] > widths[index - 1]:
                last = index
                while last + 1 < len(lines) and widths[last + 1] >= widths[index]:
                    last += 1
                yield lines[index][0], lines[last][1]


def _with_children(spans: list[grammars.Span]) -> Iterator[tuple[grammars.Span, list[grammars.Span]]]:
    """Yield each of the spans, which come from the top down, with the named ones right below it."""
    below: list[list[grammars.Span]] = [[] for _ in spans]
    open_: list[int] = []
    for index, span in enumerate(spans):
        while open_ and spans[open_[-1]].depth >= span.depth:
            open_.pop()
        if open_:
            below[open_[-1]].append(span)
        open_.append(index)
    yield from zip(spans, below, strict=True)
