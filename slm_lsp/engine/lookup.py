"""Drafts by looking up: what followed the last tokens when they stood together before.

Prompt lookup decoding (Saxena 2023), over the prompt, what is being written, and what was written lately:
code repeats itself, and an editor asks for nearly the same text many times over.
"""

from array import array
from collections import deque
from collections.abc import Sequence

LONGEST, SHORTEST = 4, 2
"""Tokens that must have stood together: one alone says too little."""

KEPT = 16
"""Sequences that are remembered."""

_BYTES = array("i").itemsize


class Nothing:
    """A draft source that proposes nothing: decoding token by token."""

    def propose(self, tokens: Sequence[int], limit: int) -> Sequence[int]:
        """See `slm_lsp.engine.interface.DraftSource`."""
        return ()


class Lookup:
    """Looks the last tokens up in their own sequence and then in those noted before, the newest first."""

    def __init__(self) -> None:
        self._noted: deque[bytes] = deque(maxlen=KEPT)

    def note(self, tokens: Sequence[int]) -> None:
        """Remember a sequence that has come to its end."""
        self._noted.append(array("i", tokens).tobytes())

    def propose(self, tokens: Sequence[int], limit: int) -> Sequence[int]:
        """Return at most `limit` tokens that followed the longest run of last tokens found again."""
        own = array("i", tokens).tobytes()
        for length in range(min(LONGEST, len(tokens) - 1), SHORTEST - 1, -1):
            run = own[-length * _BYTES :]
            # The run itself ends the sequence: it is looked for before that.
            for text, end in (
                (own, len(own) - _BYTES),
                *((noted, len(noted)) for noted in reversed(self._noted)),
            ):
                at = _last(text, run, end)
                if at >= 0 and (after := text[at + len(run) : at + len(run) + limit * _BYTES]):
                    return array("i", after).tolist()
        return ()


def _last(text: bytes, run: bytes, end: int) -> int:
    """Return the last place of a run of whole tokens that ends by `end`, or -1."""
    at = text.rfind(run, 0, end)
    while at % _BYTES and at >= 0:
        at = text.rfind(run, 0, at + len(run) - 1)
    return at
