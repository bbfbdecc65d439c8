"""What a filter is given and gives back."""

from dataclasses import dataclass, replace
from typing import Protocol

from slm_lsp.completion.brackets import WINDOW, Brackets, brackets
from slm_lsp.completion.extent import Extent
from slm_lsp.completion.request import Reason, Trigger
from slm_lsp.completion.stopping import indentation
from slm_lsp.context.surroundings import Surroundings
from slm_lsp.context.syntax import Region, Syntax, lexed

PROSE = frozenset(("markdown", "mdx", "plaintext", "restructuredtext", "latex", "git-commit", "html", "xml"))
"""Languages in which prose and markup are what is wanted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a suggestion is to go; `before` and `after` are the brackets above and below the cursor's line.

    `syntax` is the text as it stands, without the suggestion; None where the language has no grammar.
    """

    around: Surroundings
    language: str
    trigger: Trigger
    extent: Extent
    region: Region
    syntax: Syntax | None
    before: Brackets
    after: Brackets

    @classmethod
    def of(
        cls,
        around: Surroundings,
        language: str,
        trigger: Trigger,
        extent: Extent,
        syntax: Syntax | None,
    ) -> "Place":
        """Look at a place; `syntax` is that of the text before and after it."""
        at = len(around.before)
        region = syntax.region(at) if syntax else lexed(language, around.before[-WINDOW:])
        line = len(around.before) - len(around.line)
        before = brackets(around.before[max(0, line - WINDOW) : line], language)
        after = brackets(around.after[len(around.rest) : WINDOW], language)
        return cls(around, language, trigger, extent, region, syntax, before, after)

    def errors_with(self, text: str, replaces: int = 0) -> int | None:
        """Count the syntax errors with a text in the place; None where the language has no grammar."""
        at = len(self.around.before)
        return self.syntax.replaced(at, at + replaces, text).errors if self.syntax else None

    def misfits(self, text: str) -> bool:
        """Whether the next line can't stand below a text, by indentation; of Python, where that is syntax.

        Who asked for a text wants all that is missing: then a line that opens a block needs one below.
        """
        around = self.around
        if self.language != "python" or self.region is not Region.CODE or not around.following:
            return False
        if (self.before + brackets(around.line + text, self.language)).unclosed:
            return False
        last = (around.line + text + around.rest).rstrip().rpartition("\n")[2]
        deeper = indentation(around.following[0]) > indentation(last)
        if last.endswith(":"):
            return not deeper and self.trigger is Trigger.INVOKED
        return bool(last) and deeper

    def unbalanced_by(self, text: str, replaces: int = 0) -> bool:
        """Whether more brackets around the cursor have no partner with a text in the place than without.

        What a text closes does not make up for what it opens.
        """
        around, rest = self.around, self.around.rest[replaces:]

        def line(text: str, rest: str) -> Brackets:
            # As one: a quote before the cursor may be closed behind it.
            return self.before + brackets(around.line + text + rest, self.language) + self.after

        with_text, without = line(text, rest), line("", around.rest)
        only_closed = line(brackets(text, self.language).unopened, rest)
        goes_on = len(around.after) > WINDOW
        return any(with_text.worse_than(other, goes_on=goes_on) for other in (without, only_closed))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A suggestion on its way through the filters; an empty text is a rejection.

    It takes the place of `replaces` characters behind the cursor. `whole_line` says whether the model
    wrote on past the end of the text's last line; `unknown` counts the names found nowhere; `opened` is the
    brace of a block that the text led up to and that was cut off, for it would have stayed open. `met` says
    whether the model wrote on as the cursor's line goes on, `mended` whether it wrote what could not stay.
    """

    text: str
    whole_line: bool = False
    replaces: int = 0
    unknown: int = 0
    opened: str = ""
    met: bool = False
    mended: bool = False

    def cut(self, length: int) -> "Candidate":
        """Return the first characters of it."""
        return (
            self
            if length >= len(self.text)
            else replace(self, text=self.text[:length], whole_line=False, opened="")
        )


class Filter(Protocol):
    """Lets a suggestion pass, cuts or mends it, or rejects it."""

    @property
    def name(self) -> str:
        """What the reason trail calls it."""

    @property
    def reason(self) -> Reason:
        """What the user is told if it rejects."""

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """Return what is left; of the same text if it may pass."""
