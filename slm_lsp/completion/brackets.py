"""Counting brackets in text that need not parse, whatever its language."""

from dataclasses import dataclass

from slm_lsp.context.lexing import lexer

PAIRS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(PAIRS.values())

WINDOW = 20_000
"""Characters looked at on each side of the cursor, which takes half a millisecond."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """What a text leaves open: brackets closed that it did not open, and opened that it did not close."""

    unopened: str = ""
    unclosed: str = ""
    wrong: int = 0
    """Brackets that meet another kind than their own."""

    def __add__(self, other: "Brackets") -> "Brackets":
        """Return what both texts leave open, one behind the other."""
        stack, unopened = list(self.unclosed), self.unopened
        wrong = self.wrong + other.wrong
        for closer in other.unopened:
            if not stack:
                unopened += closer
            elif PAIRS[stack.pop()] != closer:
                wrong += 1
        return Brackets(unopened, "".join(stack) + other.unclosed, wrong)

    def worse_than(self, other: "Brackets", *, goes_on: bool = False) -> bool:
        """Whether more has no partner; a bracket closed too often does not make up for one that was open.

        Where the text `goes_on` beyond what was counted, it may close there what is open.
        """
        return self._alone(goes_on) > other._alone(goes_on)

    def _alone(self, goes_on: bool) -> tuple[int, int]:
        wrong = len(self.unopened) + 2 * self.wrong
        return wrong if goes_on else wrong + len(self.unclosed), len(self.unopened)


def brackets(text: str, language: str) -> Brackets:
    """Return what a text leaves open; brackets in comments and in strings don't count."""
    stack, unopened, wrong = list[str](), "", 0
    for match in lexer(language).finditer(text):
        one = match[1]
        if one is None:
            continue
        if one in PAIRS:
            stack.append(one)
        elif not stack:
            unopened += one
        elif PAIRS[stack.pop()] != one:
            wrong += 1
    return Brackets(unopened, "".join(stack), wrong)
