"""What the engine asks a window while it writes: memory and known names are the window's alone."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Decoding, Raised, Remembered
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

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        """See `slm_lsp.engine.interface.Memory.recalled`."""
        said, ids = self._put({"ask": "recalled", "free": allowed is None}, written, allowed or ())
        return Remembered(np.asarray(ids, np.int64), *map(np.array, said["said"])) if ids else None

    def noted(self, written: Sequence[int], entropy: float, logs: NDArray[np.float64]) -> None:
        """Tell the window what the model says where its text begins: each question takes time."""
        if not self._written and not written:
            self._put({"ask": "noted", "entropy": entropy, "logs": logs.tolist()}, ())

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
    if header["ask"] == "noted":
        decoding.memory.noted(written, header["entropy"], np.array(header["logs"]))
        return {}, ()
    said = decoding.memory.recalled(written, None if header["free"] else more)
    return ({"said": [one.tolist() for one in said[1:]]}, said.ids.tolist()) if said else ({}, ())
