"""What memory says at one place: which tokens followed elsewhere, how loud that is, and what may follow.

A count model after the last tokens (nested caches of code: Hellendoorn and Devanbu, "Are Deep Neural Networks
the Best Choice for Modeling Source Code?", 2017), mixed into the model's own distribution much as in kNN-LM
(Khandelwal et al. 2020). Of the workspace and of the file itself the longest match speaks; how loud it may is
fitted (see `slm_lsp.memory.weights`).
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.memory.segment import Match, Segment
from slm_lsp.memory.weights import OWN, WORKSPACE, Weights

SAMPLE, NARROWED = 24, 4096
"""Places of a match that are counted, spread evenly over it: of so many, more would change little.

More of them where few tokens are allowed, so that a half-typed word is found.
"""

FEW = 2
"""Places that are looked at one by one: those of most long matches."""

TOLD = 8
"""Tokens that get a share, of all that followed a match: the rarest say less than the model itself does."""

LEAST_DRAFT = 2
"""Tokens that must have stood together for what followed to be tried as a draft."""


class Source(NamedTuple):
    """A segment that is asked, and what each of its files counts: float [files], 0 for those left out."""

    segment: Segment
    counted: NDArray[np.float64]
    whole: bool
    """Whether every file counts 1."""

    def matches(self, context: Sequence[int]) -> Iterator[Match]:
        """Yield the matches of the last tokens of a context, longest first."""
        return self.segment.matches(self.segment.pattern(context))


class Evidence(NamedTuple):
    """What followed the longest match: its length in tokens, its places, and the weight of each token."""

    length: int
    places: int
    counts: dict[int, float]

    def told(self) -> dict[int, float]:
        """Return the share of each of the `TOLD` tokens that count most; of equals the first met."""
        total, counts = math.fsum(self.counts.values()), self.counts.items()
        commonest = nlargest(TOLD, counts, itemgetter(1)) if len(counts) > TOLD else counts
        return {token: count / total for token, count in commonest}

    def features(self) -> tuple[float, float, float]:
        """Return what the loudness is made of beside the length (see `slm_lsp.memory.weights.Fitted`)."""
        top = max(self.counts.values()) / math.fsum(self.counts.values())
        return math.log(self.places), top, math.log(len(self.counts))


Noted = Callable[[Sequence["Said"], float, Mapping[int, float]], None]
"""Is told what was said where the prompt ends, the entropy of the model's own distribution, and its chances
of the tokens that were named."""


class Said(NamedTuple):
    """What one kind of source said."""

    kind: int
    evidence: Evidence
    remembered: Remembered


class Recall:
    """The memory of one place, after `past`; see `slm_lsp.engine.interface.Memory`.

    `workspace` and `own` are the sources of the other files and of the file itself. A pure function of what
    was written, so that drafts change nothing. Not thread-safe.
    """

    def __init__(
        self,
        past: Sequence[int],
        workspace: Sequence[Source],
        own: Sequence[Source],
        weights: Weights,
        noted: Noted | None = None,
    ) -> None:
        self._past, self._weights, self._noted = list(past), weights, noted
        self._sources = {WORKSPACE: workspace, OWN: own}
        self._first: list[Said] = []

    @property
    def said(self) -> str:
        """What is remembered, in words."""
        others = sum(int((source.counted > 0).sum()) for source in self._sources[WORKSPACE])
        tokens = sum(source.segment.size for source in self._sources[OWN])
        return f"{others} files, and {tokens} tokens of this one"

    @property
    def files(self) -> set[str]:
        """The names of the other files that count."""
        return {
            name
            for source in self._sources[WORKSPACE]
            for name, counted in zip(source.segment.names, source.counted.tolist(), strict=True)
            if counted
        }

    def of(self, files: Collection[str]) -> "Recall":
        """Return the memory of the same place, of some of the other files."""
        kept = [
            Source(one.segment, one.counted * [name in files for name in one.segment.names], False)
            for one in self._sources[WORKSPACE]
        ]
        return Recall(self._past, kept, self._sources[OWN], self._weights)

    def said_after(self, written: Sequence[int] = (), allowed: Sequence[int] | None = None) -> list[Said]:
        """Return what each kind of source says after `written`: of `allowed`, ascending, if not None."""
        context = [*self._past, *written]
        found = list[Said]()
        for kind, sources in self._sources.items():
            if one := _longest(sources, context, allowed):
                remembered = self._weights.remembered(kind, one.length, one.features(), one.told())
                found.append(Said(kind, one, remembered))
        return found

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> list[Remembered]:
        """See `slm_lsp.engine.interface.Memory.recalled`."""
        said = self.said_after(written, allowed)
        if not written:
            self._first = said
        return [one.remembered for one in said]

    def noted(self, written: Sequence[int], entropy: float, chances: Mapping[int, float]) -> None:
        """See `slm_lsp.engine.interface.Memory.noted`."""
        if self._noted and not written:
            self._noted(self._first, entropy, chances)

    def draft(self, written: Sequence[int], limit: int) -> list[int]:
        """Return up to `limit` tokens that followed the longest match, at its likeliest next token."""
        context = [*self._past, *written]
        best: tuple[int, int, list[int]] | None = None
        for kind, sources in self._sources.items():
            for source in sources:
                for match in source.matches(context):
                    if match.length < LEAST_DRAFT or (best and (match.length, kind) <= best[:2]):
                        break
                    if following := _likeliest(source, match, limit):
                        best = match.length, kind, following
                        break
        return best[2] if best else []


def _longest(
    sources: Sequence[Source], context: Sequence[int], allowed: Sequence[int] | None
) -> Evidence | None:
    """Return what followed the longest match in some sources, with an allowed token if only some are."""
    best: Evidence | None = None
    for source in sources:
        for match in source.matches(context):
            if best and match.length < best.length:
                break
            counts = _counts(source, match, _step(match, SAMPLE if allowed is None else NARROWED))
            places = match.high - match.low
            if allowed is not None and counts:
                every = math.fsum(counts.values())
                counts = {token: count for token, count in counts.items() if _in(token, allowed)}
                places = max(1, round(places * math.fsum(counts.values()) / every))
            if not counts:
                continue
            if best and match.length == best.length:
                places += best.places
                for token, count in best.counts.items():
                    counts[token] = counts.get(token, 0.0) + count
            best = Evidence(match.length, places, counts)
            break
    return best


def _counts(source: Source, match: Match, step: int) -> dict[int, float]:
    """Return what counts of the tokens that followed a match, at every `step`-th place."""
    segment, counts = source.segment, dict[int, float]()
    if match.high - match.low <= FEW:
        for place in range(match.low, match.high, step):
            token, file = segment.followed(place)
            if count := source.counted.item(file):
                counts[token] = counts.get(token, 0.0) + count
        return counts
    following = segment.following[match.low : match.high : step].tolist()
    if source.whole:
        return {token: float(count) for token, count in Counter(following).items()}
    counted = source.counted[segment.files_of(match.low, match.high, step)].tolist()
    for token, count in zip(following, counted, strict=True):
        if count:
            counts[token] = counts.get(token, 0.0) + count
    return counts


def _likeliest(source: Source, match: Match, limit: int) -> list[int]:
    """Return up to `limit` tokens that followed a match in one place, of those with its commonest token."""
    segment, step = source.segment, _step(match, SAMPLE)
    if not (counts := _counts(source, match, step)):
        return []
    token = max(counts, key=counts.__getitem__)
    following = segment.following[match.low : match.high : step].tolist()
    counted = source.counted[segment.files_of(match.low, match.high, step)].tolist()
    at = max(
        range(len(following)), key=lambda index: (following[index] == token and counted[index] > 0, index)
    )
    return segment.after(match.low + at * step, limit)


def _step(match: Match, most: int) -> int:
    """Return how far the places lie apart if some `most` of them are looked at."""
    return max(1, (match.high - match.low) // most)


def _in(token: int, ids: Sequence[int]) -> bool:
    at = bisect_left(ids, token)
    return at < len(ids) and ids[at] == token
