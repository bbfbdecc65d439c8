"""What the engine asks a window while it writes: memory and known names are the window's alone."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from slm_lsp.engine.interface import Decoding, Raised
from slm_lsp.engine.shared.wire import Header

Ask = Callable[[Header, Sequence[int]], tuple[Header, Sequence[int]]]
"""Puts a question to the window, a header and ids, and returns what it says."""


class Asked:
    """The names and the memory of a window (see `slm_lsp.engine.interface.Names` and `Memory`).

    `written` is what was written in earlier slices.
    """

    def __init__(self, ask: Ask, written: Sequence[int]) -> None:
        self._ask, self._written = ask, written

    def raised(self, written: Sequence[int]) -> Raised | None:
        """See `slm_lsp.engine.interface.Names.raised`."""
        said, ids = self._put({"ask": "raised"}, written)
        if not ids:
            return None
        mask = np.zeros(max(ids) + 1, bool)
        mask[np.asarray(ids)] = True
        return Raised(mask, said["bonus"])

    def shares(
        self, written: Sequence[int], entropy: float, allowed: Sequence[int] | None = None
    ) -> Mapping[int, float]:
        """See `slm_lsp.engine.interface.Memory.shares`."""
        header = {"ask": "shares", "entropy": entropy, "free": allowed is None}
        said, ids = self._put(header, written, allowed or ())
        return dict(zip(ids, said["shares"], strict=True))

    def draft(self, written: Sequence[int], limit: int) -> Sequence[int]:
        """See `slm_lsp.engine.interface.Memory.draft`."""
        return self._put({"ask": "draft", "limit": limit}, written)[1]

    def _put(
        self, header: Header, written: Sequence[int], more: Sequence[int] = ()
    ) -> tuple[Header, Sequence[int]]:
        ids = [*self._written, *written]
        return self._ask(header | {"written": len(ids)}, [*ids, *more])


def answer(header: Header, ids: Sequence[int], decoding: Decoding) -> tuple[Header, Sequence[int]]:
    """Return what a window says to a question about a text that it has asked for with `decoding`."""
    written, more = ids[: header["written"]], ids[header["written"] :]
    if header["ask"] == "raised":
        raised = decoding.names.raised(written) if decoding.names else None
        return ({"bonus": raised.bonus}, np.flatnonzero(raised.ids).tolist()) if raised else ({}, ())
    assert decoding.memory
    if header["ask"] == "draft":
        return {}, decoding.memory.draft(written, header["limit"])
    shares = decoding.memory.shares(written, header["entropy"], None if header["free"] else more)
    return {"shares": [*shares.values()]}, [*shares]
