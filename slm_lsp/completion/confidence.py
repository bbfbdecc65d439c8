"""How likely a suggestion is to be right: one small logistic model over what is known of it.

`slm-lsp eval confidence` fits the weights to what `slm-lsp eval holes --json` found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slm_lsp.completion.extent import Extent
from slm_lsp.completion.filters.base import Candidate, Place
from slm_lsp.completion.request import Draft

FEATURES = (
    "constant",
    "mean logprob",
    "whole logprob",
    "first entropy",
    "log characters",
    "lines",
    "mid-line",
    "blank line",
    "block",
    "unknown names",
    "met the rest",
    "mended",
    "in a word",
)
"""What the model looks at, in the order of its weights."""

WEIGHTS = (2.877, 1.465, 0.846, 0.182, -0.506, -0.377, -0.948, 0.640, -0.463, -0.753, 0.175, -2.455, 0.315)
"""Fitted to the 515 texts that the filters left of 600 holes, 224 of them right, in fastmcp 4.1.6, pyrefly
1.4.1 and ai 7.0.173, on which the embedded model's adapter was not trained, by `slm-lsp eval holes PATH
--holes 200 --seed 7 --automatic --json FILE` for each and `slm-lsp eval confidence FILE…`."""

WORST, WORST_WHOLE = -6.0, -15.0
"""Log-probabilities of a token and of a whole text below which all are the same: a wild guess."""

USUAL = 0.3
"""The acceptance at which a user's own moves nothing: what is usual (see `acceptance`)."""

SHOWINGS = 40
"""Suggestions shown before a user's own acceptance counts as much as the usual one."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How many suggestions the user was shown so far, and how many they accepted."""

    shown: int = 0
    accepted: int = 0

    @property
    def shift(self) -> float:
        """What it adds to the log-odds: half of how far it lies from the usual, cautiously estimated."""
        rate = (self.accepted + USUAL * SHOWINGS) / (self.shown + SHOWINGS)
        return 0.5 * (_logit(min(max(rate, 0.02), 0.98)) - _logit(USUAL))


def features(one: Candidate, draft: Draft, place: Place) -> tuple[float, ...]:
    """Return what is known of a suggestion, as `FEATURES` lists it; of a part of it if it was cut."""
    # Blank lines may have been taken off the start.
    skipped = max(0, draft.text.find(one.text[:1])) if one.text else 0
    used = [token for token in draft.tokens if token.end <= len(one.text) + skipped] or draft.tokens[:1]
    logprobs = [max(token.logprob, WORST) for token in used] or [WORST]
    return (
        1.0,
        math.fsum(logprobs) / len(logprobs),
        max(math.fsum(logprobs), WORST_WHOLE),
        min(used[0].entropy, -WORST) if used else -WORST,
        math.log1p(len(one.text.strip())),
        float(one.text.strip().count("\n")),
        float(bool(place.around.rest.strip())),
        float(not place.around.line.strip()),
        float(place.extent in (Extent.BODY, Extent.STATEMENT)),
        float(min(one.unknown, 3)),
        float(one.met),
        float(one.mended),
        float(_in_word(place.around.line[-1:]) and _in_word(one.text[:1])),
    )


def chance(values: Sequence[float], acceptance: Acceptance = Acceptance()) -> float:
    """Return the estimated chance, 0 to 1, that a suggestion is what the user would write."""
    odds = sum(weight * value for weight, value in zip(WEIGHTS, values, strict=True)) + acceptance.shift
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def threshold(eagerness: int) -> float:
    """Return the chance from which a suggestion is shown, for an eagerness of 0 to 100.

    A wrong suggestion costs a glance, a right one saves the typing: at chance p it is worth showing from
    p = cost / (cost + gain) on, and eagerness is the gain's share.
    """
    return 1 - eagerness / 100


def best_length(one: Candidate, draft: Draft, place: Place, least: float, acceptance: Acceptance) -> int:
    """Return the length to cut a suggestion to, at the end of one of its lines; 0 if it is not worth showing.

    Of the lengths whose chance is high enough it is the one with the greatest expected number of right
    characters: a long suggestion is cut where confidence falls, and no bracket is left open.
    """
    best, most = 0, 0.0
    ends = [index for index, letter in enumerate(one.text) if letter == "\n"] + [len(one.text)]
    for end in ends:
        part = one.cut(end)
        if not part.text.strip() or (end < len(one.text) and place.unbalanced_by(part.text, part.replaces)):
            continue
        p = chance(features(part, draft, place), acceptance)
        worth = p * len(part.text.strip())
        if p >= least and worth > most:
            best, most = end, worth
    return best


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
