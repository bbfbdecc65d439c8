"""What memory says at one place: which tokens followed elsewhere, how loud that is, and what may follow.

A count model after the last tokens (nested caches of code: Hellendoorn and Devanbu, "Are Deep Neural Networks
the Best Choice for Modeling Source Code?", 2017), mixed into the model's own distribution much as in kNN-LM
(Khandelwal et al. 2020). Of the workspace and of the file itself the longest match speaks, and, apart, all
places with a shorter one too, those the louder that have the same tokens around; how loud each may be is
fitted (see `slm_lsp.memory.weights`).
"""

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.memory.lookup import Evidence, Lookup, Source
from slm_lsp.memory.weights import Weights

LEAST_DRAFT = 2
"""Tokens that must have stood together for what followed to be tried as a draft."""

Noted = Callable[[Remembered, float, NDArray[np.float64]], None]
"""Is told what was remembered where the prompt ends, the entropy of the model's own distribution, and the
logarithms of its chances of what was remembered."""


class Said(NamedTuple):
    """What one voice said: what it found, the share of each token that it told, and how loud it is."""

    voice: int
    evidence: Evidence
    told: dict[int, float]
    loudness: float
    doubt: float


class Recall:
    """The memory of one place, after `past`; see `slm_lsp.engine.interface.Memory`.

    `workspace` and `own` are the sources of the other files and of the file itself, in the tokens of a
    `vocabulary` of a size. A pure function of what was written, so that drafts change nothing. Not
    thread-safe.
    """

    def __init__(
        self,
        past: Sequence[int],
        workspace: Sequence[Source],
        own: Sequence[Source],
        weights: Weights,
        vocabulary: int,
        noted: Noted | None = None,
    ) -> None:
        self._past, self._weights, self._noted = list(past), weights, noted
        self._workspace, self._own, self._vocabulary = workspace, own, vocabulary
        self._lookup = Lookup((workspace, own), weights, vocabulary)
        self._first: Remembered | None = None

    @property
    def said(self) -> str:
        """What is remembered, in words."""
        others = sum(int((source.counted > 0).sum()) for source in self._workspace)
        tokens = sum(source.segment.size for source in self._own)
        return f"{others} files, and {tokens} tokens of this one"

    @property
    def files(self) -> set[str]:
        """The names of the other files that count."""
        return {
            name
            for source in self._workspace
            for name, counted in zip(source.segment.names, source.counted.tolist(), strict=True)
            if counted
        }

    def of(self, files: Collection[str]) -> "Recall":
        """Return the memory of the same place, of some of the other files."""
        kept = [
            Source(one.segment, one.counted * [name in files for name in one.segment.names])
            for one in self._workspace
        ]
        return Recall(self._past, kept, self._own, self._weights, self._vocabulary)

    def said_after(self, written: Sequence[int] = (), allowed: Sequence[int] | None = None) -> list[Said]:
        """Return what each voice says after `written`: of `allowed`, ascending, if not None."""
        if (found := self._found(written, allowed)) is None:
            return []
        ids, shares, *loud, _ = (one.tolist() for one in found)
        heard = zip(self._lookup.evidence, shares, *loud, strict=True)
        return [
            Said(voice, evidence, {id: share for id, share in zip(ids, told, strict=True) if share}, *more)
            for voice, (evidence, told, *more) in enumerate(heard)
            if evidence.length
        ]

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        """See `slm_lsp.engine.interface.Memory.recalled`."""
        found = self._found(written, allowed)
        if not written:
            self._first = found
        return found

    def noted(self, written: Sequence[int], entropy: float, logs: NDArray[np.float64]) -> None:
        """See `slm_lsp.engine.interface.Memory.noted`."""
        if self._noted and self._first and not written:
            self._noted(self._first, entropy, logs)

    def draft(self, written: Sequence[int], limit: int) -> list[int]:
        """Return up to `limit` tokens that followed the longest match, at its likeliest next token."""
        self._found(written)
        found = [one for one in reversed(self._lookup.drafts) if one[0] >= LEAST_DRAFT]
        if not found:
            return []
        _, segment, place = max(found, key=itemgetter(0))
        return segment.after(place, limit)

    def _found(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        return self._lookup.after([*self._past, *written], allowed)
