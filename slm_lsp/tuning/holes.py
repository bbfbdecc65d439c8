"""Where a hole may be cut into a source file: syntactic spans, lines, and random characters.

Spans at random characters keep a model from failing at places that no grammar names (Bavarian et al. 2022,
"Efficient Training of Language Models to Fill in the Middle"); syntactic spans are what people let complete.
"""

import random
import re
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from tree_sitter import Node

from slm_lsp.context import grammars

MAX_HOLE = 360
"""The longest hole in characters, about 100 tokens."""

MAX_LINES = 10
"""The longest hole in lines."""

WEIGHTS = {
    "line": 26,
    "lines": 14,
    "span": 20,
    "rest": 12,
    "arguments": 6,
    "value": 6,
    "condition": 4,
    "statement": 7,
    "block": 5,
}
"""How often each kind of hole is drawn, in percent; a kind that a file does not have falls back on ``line``.

Whole lines and random spans have the largest shares: they are what a line left empty and a cursor in the
middle of a line ask for, and what the public infilling sets measure.
"""

PROSE = 0.2
"""Share of the holes within comments and texts of several lines that are kept: most ask for code."""

_BLOCKS = ("block", "body", "compound_statement", "suite")
_CODE = re.compile(r"\w")
_FUNCTION = re.compile(r"function|method|class|impl_item")


@dataclass(frozen=True, slots=True)
class Hole:
    """Characters `start` to `end` of a file, to be filled in."""

    start: int
    end: int
    kind: str


class Source:
    """A file's text with its lines and, where there is a grammar, the spans that its syntax names."""

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.spans: dict[str, list[tuple[int, int]]] = {"arguments": [], "value": [], "condition": []}
        self.spans |= {"statement": [], "block": []}
        self.functions: list[tuple[int, int]] = []
        self._prose: list[tuple[int, int]] = []
        self._lines = [
            (start, end)
            for start, end in zip(self.line_starts, [*self.line_starts[1:], len(text) + 1], strict=True)
            if _CODE.search(text, start, end - 1)
        ]
        if language in grammars.LANGUAGES:
            self._read(grammars.parser(language).parse(text.encode()).root_node)

    def draw(self, rng: random.Random) -> Hole | None:
        """Draw a hole, or None where nothing fit after some tries."""
        for _ in range(20):
            kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            hole = self._draw(kind, rng)
            if (
                hole is not None
                and 0 < hole.end - hole.start <= MAX_HOLE
                and _CODE.search(self.text, hole.start, hole.end)
                and self.text.count("\n", hole.start, hole.end) < MAX_LINES
                and (not self._in_prose(hole) or rng.random() < PROSE)
            ):
                return hole
        return None

    def function_around(self, hole: Hole) -> tuple[int, int] | None:
        """Return the smallest function or class that holds the hole, from the start of its first line."""
        around = [span for span in self.functions if span[0] <= hole.start and hole.end <= span[1]]
        return min(around, key=lambda span: span[1] - span[0], default=None)

    def _in_prose(self, hole: Hole) -> bool:
        at = bisect_right(self._prose, (hole.start, len(self.text)))
        # A line's indentation lies before the comment that fills it.
        near = self._prose[max(0, at - 1) : at + 1]
        return any(start < hole.end and hole.start < end and hole.end - 2 <= end for start, end in near)

    def _draw(self, kind: str, rng: random.Random) -> Hole | None:
        if kind == "span":
            start = rng.randrange(len(self.text))
            # Log-uniform: short spans are as common as long ones.
            return Hole(start, min(len(self.text), start + round(2 ** rng.uniform(2, 8))), kind)
        if spans := self.spans.get(kind):
            return Hole(*rng.choice(spans), kind)
        if not self._lines:
            return None
        index = rng.randrange(len(self._lines))
        start, end = self._lines[index]
        if kind == "rest":
            return Hole(rng.randrange(start, end), end - 1, kind)
        if kind == "lines":
            end = self._lines[min(len(self._lines) - 1, index + rng.randint(1, 7))][1]
        # A cursor on an empty line, indented or not, or one that would write the line and its end.
        place = rng.random()
        if place < 0.4:
            start += len(self.text[start:end]) - len(self.text[start:end].lstrip(" \t"))
        return Hole(start, min(end, len(self.text)) if place > 0.8 else end - 1, kind)

    def _read(self, root: Node) -> None:
        """Collect the spans of the tree, whose offsets are bytes, as characters."""
        encoded = np.frombuffer(self.text.encode(), dtype=np.uint8)
        # Bytes that don't go on with a character begin one.
        starts = np.concatenate([[0], np.cumsum((encoded & 0xC0) != 0x80)])
        cursor = root.walk()
        while True:
            node = cursor.node
            if node is not None and node.is_named:
                for kind, start, end in _spans(node, cursor.field_name):
                    if end - start <= MAX_HOLE:
                        self.spans[kind].append((int(starts[start]), int(starts[end])))
                begin, finish = int(starts[node.start_byte]), int(starts[node.end_byte])
                several_lines = node.end_point[0] > node.start_point[0]
                if "comment" in node.type or ("string" in node.type and several_lines):
                    self._prose.append((begin, finish))
                elif several_lines and _FUNCTION.search(node.type):
                    self.functions.append((self.text.rfind("\n", 0, begin) + 1, finish))
            if cursor.goto_first_child() or cursor.goto_next_sibling():
                continue
            while cursor.goto_parent():
                if cursor.goto_next_sibling():
                    break
            else:
                return


def _spans(node: Node, field: str | None) -> list[tuple[str, int, int]]:
    start, end, parent = node.start_byte, node.end_byte, node.parent
    found = []
    if node.type in ("argument_list", "arguments") and end - start > 2:
        found.append(("arguments", start + 1, end - 1))
    if (
        field in ("right", "value")
        and parent is not None
        and re.search("assign|declarat|let|var", parent.type)
    ):
        found.append(("value", start, end))
    if field == "condition" or (field == "value" and parent is not None and "return" in parent.type):
        found.append(("condition", start, end))
    if node.type.endswith(_BLOCKS):
        found.append(("block", start, end))
    elif parent is not None and parent.type.endswith(_BLOCKS) and "comment" not in node.type:
        found.append(("statement", start, end))
    return found
