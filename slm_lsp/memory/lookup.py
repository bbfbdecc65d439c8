"""What followed the last tokens in the sources of a place, asked of machine code."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.memory.kernels import plan as at
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import Weights
from slm_lsp.native.code import Function, compiled
from slm_lsp.native.code import Source as Code

SAMPLE, NARROWED = 64, 4096
"""Places that are looked at, those with the longest matches first: 256 do no better.

More of them where few tokens are allowed, so that a half-typed word is found.
"""

ALIKE, SHORTER = 15.0, 0.5
"""Nats that a place counts more where all of the window is alike, and less for each token of its match that
is missing to the longest. Fitted with `slm_lsp.memory.weights`."""


class Source(NamedTuple):
    """A segment that is asked, and what each of its files counts: float64 [files], 0 for those left out."""

    segment: Segment
    counted: NDArray[np.float64]


class Evidence(NamedTuple):
    """What a voice has found.

    That is the length of its longest match in tokens, what its places count in all, how many different tokens
    followed, and how alike the text before the most alike place is, of 1.
    """

    length: int
    places: float
    different: int
    alike: float


class Lookup:
    """Looks up in the sources of each kind, all in the tokens of one vocabulary. Not thread-safe."""

    def __init__(self, kinds: Sequence[Sequence[Source]], weights: Weights, vocabulary: int) -> None:
        sources = [(kind, one) for kind, some in enumerate(kinds) for one in some]
        self._segments = [one.segment for _, one in sources]
        self._recall = function()
        self._context = np.zeros(max(at.WINDOW, at.LONGEST), np.int64)
        self._ids = np.zeros(at.MOST, np.int64)
        self._shares = np.zeros((at.VOICES, at.MOST))
        self._found = np.zeros((at.VOICES, at.PER_VOICE))
        self._doubt, self._power = weights.doubt, weights.power
        arrays: dict[int, NDArray[Any]] = {
            at.CONTEXT: self._context,
            at.WEIGHTS: weights.table,
            at.IDS: self._ids,
            at.SHARES: self._shares,
            at.FOUND: self._found,
            **dict(zip((at.ALIKE, at.SHORTER), _tables(), strict=True)),
            **dict(zip((at.MARKS, at.SLOTS, at.SCRATCH), _room(vocabulary, len(sources)), strict=True)),
        }
        # The plan has their addresses.
        self._held = [*arrays.values(), *(source for _, source in sources)]
        plan = [0] * at.SOURCES_AT
        for place, array in arrays.items():
            plan[place] = array.ctypes.data
        plan[at.VOCABULARY], plan[at.SOURCES] = vocabulary, len(sources)
        for kind, (segment, counted) in sources:
            plan += [kind, *segment.addresses, counted.ctypes.data]
        self._plan = np.array(plan, np.int64)
        self._address = self._plan.ctypes.data

    def after(self, context: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        """Return what followed the last tokens of a context: `allowed` ones, ascending, alone if not None."""
        last, plan = context[-len(self._context) :], self._plan
        self._context[: len(last)] = last
        plan[at.COUNT] = len(last)
        if allowed is None:
            plan[at.ROOM], plan[at.ALLOWED_COUNT] = SAMPLE, -1
            told = self._recall(self._address)
        else:
            ids = np.asarray(allowed, np.int64)
            plan[at.ROOM], plan[at.ALLOWED], plan[at.ALLOWED_COUNT] = NARROWED, ids.ctypes.data, len(ids)
            told = self._recall(self._address)
        if not told:
            return None
        loudness = self._found[:, at.LOUDNESS].copy()
        return Remembered(
            self._ids[:told].copy(), self._shares[:, :told].copy(), loudness, self._doubt, self._power
        )

    @property
    def evidence(self) -> list[Evidence]:
        """What each voice found when it was asked last; a length of 0 if nothing."""
        return [
            Evidence(int(length), places, int(different), alike)
            for length, places, different, alike, *_ in self._found.tolist()
        ]

    @property
    def drafts(self) -> list[tuple[int, Segment, int]]:
        """Where the likeliest token followed, of each kind of source that told any when it was asked last.

        That is the length of the match, the segment, and the place in its order.
        """
        found = self._found[: at.KINDS].tolist()
        return [
            (int(one[at.FOUND_LENGTH]), self._segments[int(one[at.DRAFT_SOURCE])], int(one[at.DRAFT_AT]))
            for one in found
            if one[at.FOUND_LENGTH]
        ]


@cache
def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a place counts by how alike it is, and by how much shorter its match is."""
    steps = np.arange(at.STEPS + 1) / at.STEPS
    return np.exp(ALIKE * steps), np.exp(-SHORTER * np.arange(at.LONGEST))


@cache
def _room(vocabulary: int, sources: int) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int64]]:
    """Return memory to work in: one for all, as the interpreter is not let go of while it is used."""
    tables = np.zeros((2, vocabulary), np.int16)
    return tables[0], tables[1], np.zeros(at.scratch(sources, NARROWED), np.int64)


@cache
def function() -> Function:
    """Load the machine code, or compile it, which takes some seconds, and keep it."""
    return compiled(Code(Path(__file__).parent / "kernels", _load, 1, brief=True))


def _load() -> object:
    from slm_lsp.memory.kernels.recall import recall

    return recall
