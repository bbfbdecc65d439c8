"""Finding where a text goes round in circles, as small models do."""

import re

# A ruler of dashes is one lexeme.
_LEXEME = re.compile(r"\w+|([^\w\s])\1*")
_NUMBER = re.compile(r"\d+")

LONGEST = 30
"""The longest period that is looked for, in lexemes."""

ROUNDS, LEXEMES = 3, 30
"""A period counts if it comes so often and its rounds have so many lexemes together; a list of
numbers or a sum of four indexed values is no circle."""


def first_round(text: str) -> int | None:
    """Return the end of the first round if the end of a text repeats itself; None if it does not.

    Numbers count as equal: ``a[1] + a[2] + a[3]`` goes round.
    """
    matches = list(_LEXEME.finditer(text))
    lexemes = [_NUMBER.sub("0", match[0]) for match in matches]
    count = len(lexemes)
    for period in range(1, min(LONGEST, count // ROUNDS) + 1):
        same = 0
        while same < count - period and lexemes[count - 1 - same] == lexemes[count - 1 - same - period]:
            same += 1
        repeated = same + period
        if repeated >= max(ROUNDS * period, LEXEMES) and _says_something(lexemes[count - period :], same):
            return matches[count - repeated + period - 1].end()
    return None


def _says_something(round_: list[str], same: int) -> bool:
    # A row of numbers may be longer than a row of words.
    return any(one.isidentifier() for one in round_) or same >= 2 * LEXEMES
