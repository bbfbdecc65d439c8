"""Cutting the text around the cursor to a number of tokens, at line boundaries and from the far ends.

Only a bounded number of characters next to the cursor is looked at, so that the cost does not grow with the
file. The engine keeps what it computed for a prompt's beginning, so the beginning of the prefix must not move
with every key: it may lie only at the first line after a multiple of a step of characters, counted from the
beginning of the file, and so moves once while a step's worth of text is typed. The suffix does not change
while the user types, so its end needs no such care.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from slm_lsp.tokens.vocabulary import Vocabulary

CHARS_PER_TOKEN = 6
"""Characters looked at for each token of a budget; code has about 3, and hardly ever more than 6."""

LEVELS = ((1, True), (4, True), (16, True), (4, False), (16, False))
"""Where a budget of n tokens may be cut: at multiples of n characters (a third of what it holds) divided by
the first number, moved on to a line's start or not. The first that leaves a fourth of the budget is taken."""

LINE_SHARES = 8
"""The cursor's line counts as a whole number of this part of the budget, so that it can grow at no change."""

_ENDING = re.compile(r"\r\n?|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")


def normalised(text: str) -> str:
    """Return a text as models know it: ``\\n`` for every line ending, U+FFFD for half a surrogate pair.

    What a model writes has ``\\n`` only; the completion stage puts the document's own endings in.
    """
    text = _ENDING.sub("\n", text) if "\r" in text else text
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def shares(room: int, prefix_tokens: int, suffix_tokens: int) -> tuple[int, int]:
    """Return the budgets for prefix and suffix, shrunk alike if they don't fit into `room` together."""
    total = prefix_tokens + suffix_tokens
    if total <= room:
        return prefix_tokens, suffix_tokens
    suffix = room * suffix_tokens // total
    return room - suffix, suffix


def prefix_windows(text: str, vocabulary: Vocabulary, budget: int) -> Iterator[str]:
    """Yield ends of `text`, with ``\\n`` for every line ending, that hold about `budget` tokens or fewer.

    Each is shorter than the one before it, and the last is empty. They begin at line starts, or within a line
    where lines are too long for the budget.
    """
    if budget <= 0:
        yield ""
        return
    # A whole number of steps, so that what is looked at begins at the same place for many keys.
    beyond = len(text) - CHARS_PER_TOKEN * budget
    seen = _Seen(text, -(-beyond // budget) * budget if beyond > 0 else 0, vocabulary, budget)
    enough = min(len(seen.starts), budget) // 4
    last = -1
    for divisor, at_lines in LEVELS:
        places = seen.cuts(max(1, budget // divisor), at_lines)
        cuts = [cut for cut in places if cut > last and seen.cost(cut) <= budget]
        if cuts and (last >= 0 or cuts[0] == 0 or seen.tokens_from(cuts[0]) >= enough):
            yield from (normalised(text[cut:]) for cut in cuts)
            last = cuts[-1]
    yield ""


def suffix_ids(text: str, vocabulary: Vocabulary, budget: int) -> list[int]:
    """Return the ids of as much of the beginning of `text` as fits into `budget` tokens, in whole lines.

    A line is cut only where the budget would be left mostly empty without it.
    """
    if budget <= 0:
        return []
    seen = normalised(text[: CHARS_PER_TOKEN * budget])
    ids, starts = vocabulary.encode_with_starts(seen)
    if len(ids) <= budget and len(text) <= CHARS_PER_TOKEN * budget:
        return ids
    end = starts[budget] if budget < len(ids) else len(seen)
    cut = seen.rfind("\n", 0, end) + 1
    if bisect_left(starts, cut) < budget // 4:
        cut = end
    return vocabulary.encode(seen[:cut])[:budget]


class _Seen:
    """The part of a text from `begin` on, in tokens. Places are offsets in the whole text, as it stands."""

    def __init__(self, text: str, begin: int, vocabulary: Vocabulary, budget: int) -> None:
        self.text = text
        self.begin = begin
        piece = normalised(text[begin:])
        _, self.starts = vocabulary.encode_with_starts(piece)
        self.whole_lines = bisect_left(self.starts, piece.rfind("\n") + 1)
        share = max(1, budget // LINE_SHARES)
        last_line = len(self.starts) - self.whole_lines
        rounded = -(-max(1, last_line) // share) * share
        self.last_line = rounded if rounded <= budget else last_line

    def cuts(self, step: int, at_lines: bool) -> Iterator[int]:
        """Yield, ascending, the places where the text may be cut."""
        last = -1
        for place in range(-(-self.begin // step) * step, len(self.text), step):
            cut = place
            if at_lines and place:
                ending = _ENDING.search(self.text, place - 1)
                if ending is None:
                    return
                cut = ending.end()
            if cut > last:
                yield cut
                last = cut

    def tokens_from(self, cut: int) -> int:
        """Count the tokens from a place to the end."""
        return len(self.starts) - self._index(cut)

    def cost(self, cut: int) -> int:
        """Count the tokens from a place to the end, the cursor's line in whole shares of the budget."""
        index = self._index(cut)
        whole = self.whole_lines
        return whole - index + self.last_line if index <= whole else len(self.starts) - index

    def _index(self, cut: int) -> int:
        return bisect_left(self.starts, len(normalised(self.text[self.begin : cut])))
