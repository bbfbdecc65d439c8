"""What is done to the model's text before it is shown: small filters, in an order that matters."""

from collections.abc import Sequence

from slm_lsp.completion.filters.base import Candidate, Filter, Place
from slm_lsp.completion.filters.leaks import ChatProse, SpecialTokens
from slm_lsp.completion.filters.repeats import AlreadyThere, RepeatsAbove, RepeatsBelow, Repetition
from slm_lsp.completion.filters.rest import ClosedTwice, ReplacesItself, RestOfLine
from slm_lsp.completion.filters.soundness import Balance, Known, OneStatement, SyntaxErrors, UnknownNames
from slm_lsp.completion.filters.spacing import BlankLines, Indentation, TrailingSpace
from slm_lsp.completion.filters.worth import TooShort
from slm_lsp.completion.request import Filtered, Reason

__all__ = ["Candidate", "Filter", "Known", "Place", "chain", "run"]


def chain(*, hide_unknown: bool = False, known: Known = lambda names: set()) -> list[Filter]:
    """Return the filters in their order: what is no code goes first, what is judged as a whole goes last."""
    return [
        SpecialTokens(),
        ChatProse(),
        BlankLines(),
        Repetition(),
        RestOfLine(),
        RepeatsBelow(),
        RepeatsAbove(),
        ClosedTwice(),
        Indentation(),
        OneStatement(),
        Balance(),
        SyntaxErrors(),
        ReplacesItself(),
        AlreadyThere(),
        UnknownNames(hide=hide_unknown, known=known),
        TrailingSpace(),
        TooShort(),
    ]


def run(
    one: Candidate, place: Place, filters: Sequence[Filter]
) -> tuple[Candidate, tuple[Filtered, ...], Reason | None]:
    """Run a suggestion through filters until one rejects it.

    Returns what is left, what each filter that did something left of it, and why nothing is left, if so.
    """
    steps = list[Filtered]()
    for filter in filters:
        left = filter.apply(one, place)
        if left.text != one.text or left.replaces != one.replaces:
            steps.append(Filtered(filter.name, left.text))
        if one.text.strip() and not left.text.strip():
            return left, tuple(steps), filter.reason
        one = left
    return one, tuple(steps), None if one.text.strip() else Reason.EMPTY
