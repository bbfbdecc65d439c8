"""Which of several texts is shown, and whether it is: filters, confidence, syntax errors, likelihood."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm_lsp.completion import filters
from slm_lsp.completion.confidence import Acceptance, best_length, chance, features, threshold
from slm_lsp.completion.filters import Candidate, Filter, Place
from slm_lsp.completion.request import Draft, Filtered, Reason, Trigger

CONFIDENCE = "confidence"
"""What the trail calls the last judgement, which is not among the filters."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft that went through the filters, with what they left of it.

    `errors` counts the syntax errors of the file with that text, a line that can't follow it, and what a
    filter had to mend, which was an error as well.
    """

    draft: Draft
    text: str
    replaces: int
    errors: int
    steps: tuple[Filtered, ...]
    reason: Reason | None
    features: tuple[float, ...]
    confidence: float


class Judge:
    """Judges the drafts for one place.

    What comes by itself is held back, or cut, where its chance of being right is below what `eagerness` asks.
    """

    def __init__(self, place: Place, chain: Sequence[Filter], eagerness: int, acceptance: Acceptance) -> None:
        self._place, self._chain, self._acceptance = place, chain, acceptance
        self._threshold = threshold(eagerness)

    def ranked(self, drafts: Sequence[Draft]) -> list[Judged]:
        """Return the drafts, the best first: not rejected, the fewest errors, the likeliest."""
        judged = [self._judge(draft) for draft in drafts]
        return sorted(judged, key=lambda one: (one.reason is not None, one.errors, -one.draft.score))

    def _judge(self, draft: Draft) -> Judged:
        place = self._place
        one = Candidate(draft.text, draft.whole_line)
        steps, reason = tuple[Filtered, ...](), None if draft.text.strip() else Reason.EMPTY
        if self._chain and not reason:
            one, steps, reason = filters.run(one, place, self._chain)
        values = features(one, draft, place)
        if self._chain and not reason and place.trigger is not Trigger.INVOKED:
            length = best_length(one, draft, place, self._threshold, self._acceptance)
            if length < len(one.text):
                one = one.cut(length)
                steps = (*steps, Filtered(CONFIDENCE, one.text))
                reason = None if one.text else Reason.LOW_CONFIDENCE
        errors = (place.errors_with(one.text, one.replaces) or 0) + place.misfits(one.text) + one.mended
        sure = chance(values, self._acceptance)
        return Judged(draft, one.text, one.replaces, errors, steps, reason, values, sure)
