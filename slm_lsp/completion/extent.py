"""How long a suggestion may be: chosen by the syntax at the cursor, the trigger, and what the model knows."""

import re
from enum import Enum

from slm_lsp.completion.request import Trigger
from slm_lsp.completion.stopping import (
    BlankLine,
    Dedent,
    LineLimit,
    Looping,
    OneLine,
    RestMet,
    StatementEnd,
    StopRule,
    SuffixMet,
    TimeLimit,
    indentation,
)
from slm_lsp.config import Settings
from slm_lsp.context.surroundings import Surroundings

_OPENER = re.compile(r"(?:[:{(\[]|=>|->|\b(?:do|then|begin|else))\s*$")
"""The end of a line that opens a block or a bracketed list, in nearly every language."""


class Extent(Enum):
    """What may be written at the cursor."""

    LINE = "one line"
    STATEMENT = "the statement that begins here"
    BODY = "the body of what was opened"
    FREE = "what the model writes until it ends"


def extent(around: Surroundings, trigger: Trigger, fills: bool, max_lines: int) -> Extent:
    """Choose what may be written at this place.

    A model that fills knows what follows and ends its text itself, so a user who asked for it gets what it
    writes, wherever the cursor stands. Otherwise it is one line, unless a block begins here.
    """
    if max_lines == 1:
        return Extent.LINE
    if trigger is Trigger.INVOKED and fills:
        return Extent.FREE
    if around.rest.strip():
        return Extent.LINE
    line, above = around.line, above_of(around)
    # Who asks may want more in a body that has something already.
    asked = trigger is Trigger.INVOKED
    below = indentation(around.following[0]) if around.following and not asked else -1
    if line.strip():
        empty = below <= indentation(line)
        return Extent.BODY if _OPENER.search(line) and empty else Extent.LINE
    if _OPENER.search(above):
        return Extent.BODY if below <= indentation(above) else Extent.LINE
    # At the end of a block the next statement may be anything; between two it is most often one line.
    return Extent.STATEMENT if below < max(indentation(above), indentation(line)) else Extent.LINE


def above_of(around: Surroundings) -> str:
    """Return the last line above the cursor's that is not blank, or ""."""
    above = around.before[: len(around.before) - len(around.line)].rstrip()
    return above[above.rfind("\n") + 1 :]


def stop_rules(
    around: Surroundings, kind: Extent, settings: Settings, trigger: Trigger, fills: bool
) -> list[StopRule]:
    """Return the rules that end a text of this extent."""
    if kind is Extent.LINE:
        return [OneLine(blank=not around.line.strip()), Looping()]
    rules: list[StopRule] = [
        SuffixMet(around.following, fills=fills),
        Looping(),
        LineLimit(settings.max_lines),
        TimeLimit(settings.time_limit),
    ]
    if kind is Extent.FREE:
        return [RestMet(around.rest), *rules]
    invoked = trigger is Trigger.INVOKED
    # What follows tells how far a text may fall back that was asked for.
    floor = indentation(around.following[0]) if invoked and around.following else None
    rules.append(Dedent(around.line, floor or None))
    if invoked:
        return rules
    if kind is Extent.STATEMENT:
        rules.append(StatementEnd(around.line))
    return rules if fills else [*rules, BlankLine(around.line)]
