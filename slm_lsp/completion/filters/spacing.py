"""White space: the file's own indentation, and none at the end."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import gcd

from slm_lsp.completion.extent import Extent
from slm_lsp.completion.filters.base import Candidate, Place
from slm_lsp.completion.request import Reason
from slm_lsp.completion.stopping import indentation

_INDENT = re.compile(r"^[ \t]+(?=\S)", re.MULTILINE)

SAMPLE = 20_000
"""Characters on each side of the cursor that tell the file's style."""


def unit(text: str) -> str:
    """Return what a file indents by: a tab, or so many spaces; "" if nothing in it is indented."""
    indents = _INDENT.findall(text)
    if not indents:
        return ""
    if 2 * sum(indent.startswith("\t") for indent in indents) > len(indents):
        return "\t"
    widths = [0, *(len(indent) for indent in indents if "\t" not in indent)]
    steps = Counter(b - a for a, b in pairwise(widths) if 1 < b - a <= 8)
    return " " * steps.most_common(1)[0][0] if steps else " " * (gcd(*widths) or 4)


class BlankLines:
    """Remove blank lines at the start of a text on a blank line: the cursor is where the user wants it."""

    name = "blank lines"
    reason = Reason.EMPTY

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        if place.around.line.strip() or "\n" not in one.text:
            return one
        head = one.text[: len(one.text) - len(one.text.lstrip())]
        return replace(one, text=one.text[head.rfind("\n") + 1 :]) if "\n" in head else one


class Indentation:
    """Indent the lines after the first as the file does: by tabs, or by its own number of spaces."""

    name = "indentation"
    reason = Reason.EMPTY

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        around = place.around
        style = unit(around.before[-SAMPLE:] + "x\n" + around.after[:SAMPLE])
        head, newline, tail = one.text.partition("\n")
        if not newline or not style or not tail.strip():
            return one
        lines = tail.split("\n")
        first = around.line + head if (around.line + head).strip() else lines[0]
        base, own = indentation(first), self._step(lines, indentation(first))
        if style == "\t":
            lines = [self._tabbed(line, own) for line in lines]
        else:
            # Only below what opens a block is the first step one of the indentation's.
            opens = first.rstrip().endswith((":", "{", "=>", "->"))
            wanted = len(style) if opens and place.extent is not Extent.FREE else own
            lines = [self._spaced(line, base, own, wanted) for line in lines]
        text = "\n".join([head, *lines])
        return replace(one, text=text) if text != one.text else one

    @staticmethod
    def _step(lines: list[str], base: int) -> int:
        """Return by how many columns the text itself indents: 2, 4 or 8."""
        steps = [indentation(line) - base for line in lines if line.strip() and indentation(line) > base]
        return min(steps) if steps and min(steps) in (2, 4, 8) else 4

    @staticmethod
    def _tabbed(line: str, own: int) -> str:
        bare = line.lstrip(" \t")
        lead = line[: len(line) - len(bare)]
        if " " not in lead:
            return line
        width = len(lead.expandtabs(own))
        return "\t" * (width // own) + " " * (width % own) + bare

    @staticmethod
    def _spaced(line: str, base: int, own: int, wanted: int) -> str:
        bare = line.lstrip(" \t")
        width = indentation(line)
        if {own, wanted} == {2, 4} and width > base and (width - base) % own == 0:
            width = base + (width - base) // own * wanted
        return " " * width + bare if bare else line


class TrailingSpace:
    """Remove white space at the end, but for what sets the rest of the line apart.

    Before a closing bracket, a comma or more white space it sets nothing apart; an indentation always does.
    """

    name = "trailing white space"
    reason = Reason.EMPTY

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        bare, rest = one.text.rstrip(), place.around.rest[one.replaces :]
        needless = not rest.strip() or rest[0].isspace() or rest[0] in ")]},;"
        if rest.strip() and (not needless or "\n" in one.text[len(bare) :]):
            return one
        return one.cut(len(bare))
