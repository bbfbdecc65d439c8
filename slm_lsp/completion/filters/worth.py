"""Suggestions too small to be worth a look."""

from slm_lsp.completion.filters.base import Candidate, Place
from slm_lsp.completion.request import Reason, Trigger

SHORTEST = 2
"""Characters that are not white space: reading one costs more than typing it."""


class TooShort:
    """Reject what is typed faster than it is read; who asked gets it all the same."""

    name = "too short"
    reason = Reason.TOO_SHORT

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        length = len("".join(one.text.split()))
        short = length < SHORTEST and place.trigger is not Trigger.INVOKED
        return one.cut(0) if short else one
