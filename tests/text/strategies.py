"""Texts that line tables and column counts get wrong."""

from hypothesis import strategies as st

BREAKS = ["\r\n", "\n", "\r", "\f", "\u2028", "\x85"]
WORDS = ["a", "def f():", "\t", " ", "\0", "\ufeff", "é", "漢", "😀", "e\u0301", "\U0001f469\u200d\U0001f4bb"]


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Return texts that mix line endings, line-break lookalikes and characters of one to four bytes."""
    return st.lists(st.sampled_from(BREAKS + WORDS), max_size=max_size).map("".join)
