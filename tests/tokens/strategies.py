"""Texts as they occur in files, with what tokenizers stumble over."""

from hypothesis import settings
from hypothesis import strategies as st

from tests.tokenizers import CORPUS, FAMILIES, added

_WORDS = sorted({word for text in CORPUS for word in text.split()})
_MARKERS = sorted({text for name in FAMILIES for text in added(name)})
_ODD = (
    "é",
    "e\u0301",
    "日本",
    "😀",
    "👩\u200d💻",
    "▁",
    "▁▁x",
    "\xa0",
    "\u2028",
    "\f",
    "\x00",
    "\ufffd",
    "<0x0A>",
    "<",
    "|>",
)

untimed = settings(deadline=None)
"""For tests whose first example makes a vocabulary."""

names = st.sampled_from(sorted(FAMILIES))

texts = st.lists(
    st.one_of(
        st.sampled_from(_WORDS),
        st.sampled_from([" ", "  ", "    ", "\t", "\n", "\n\n", "\n    ", "\n\t\t"]),
        st.sampled_from(_MARKERS),
        st.sampled_from(_ODD),
        st.text(max_size=4),
    ),
    max_size=24,
).map("".join)
"""Code, white space, every family's special tokens as text, and characters that take several bytes."""
