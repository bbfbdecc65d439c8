"""The rest of the cursor's line: not to be written twice, nor closed twice."""

from dataclasses import replace

from slm_lsp.completion.brackets import CLOSERS, brackets
from slm_lsp.completion.filters.base import Candidate, Place
from slm_lsp.completion.request import Reason

_QUOTES = "\"'`"


class RestOfLine:
    """Remove the rest of the cursor's line from the end of the text.

    A model that wrote on past the end of the line wrote the rest as well: it stands there already. One that
    ended by itself left off before the rest and meant what it wrote.
    """

    name = "rest of the line"
    reason = Reason.REPEATS_SUFFIX

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        wanted = place.around.rest.strip()
        if not wanted or not one.whole_line:
            return one
        line = one.text.rstrip()
        return replace(one.cut(len(line) - len(wanted)), met=True) if line.endswith(wanted) else one


class ClosedTwice:
    """Take in what the editor closed by itself and the text closes too: brackets and quotes.

    What ends the text is cut; what stands in its middle takes the place of what the editor put there.
    """

    name = "closed twice"
    reason = Reason.REPEATS_SUFFIX

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        rest = place.around.rest
        closers = len(rest) - len(rest.lstrip("".join(CLOSERS) + _QUOTES + ";,"))
        if not closers or not one.text:
            return one
        if rest[0] in _QUOTES and rest[0] in one.text:
            return self._quoted(one, rest[0], closers)
        if not place.unbalanced_by(one.text):
            return one
        closer = next(
            (
                index
                for index, letter in enumerate(one.text)
                if letter in CLOSERS and brackets(one.text[: index + 1], place.language).unopened
            ),
            None,
        )
        if closer is None:
            return one
        if not one.text[closer:].strip("".join(CLOSERS) + ";, \n") and "\n" not in one.text[closer:].rstrip():
            return one.cut(closer)
        for count in range(1, closers + 1):
            if not place.unbalanced_by(one.text, count) and rest[count : count + 1] not in (";", ","):
                return replace(one, replaces=count)
        return one

    @staticmethod
    def _quoted(one: Candidate, quote: str, closers: int) -> Candidate:
        """Handle a quote that the editor closed: an odd number in the text closes it once more."""
        if one.text.count(quote) % 2 == 0:
            return one
        if one.text.endswith(quote):
            return one.cut(len(one.text) - 1)
        return replace(one, replaces=1) if closers == 1 else one.cut(one.text.rfind(quote))


class ReplacesItself:
    """Leave in its place what the text ends with and would replace by the same."""

    name = "replaced by itself"
    reason = Reason.REPEATS_SUFFIX

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        there = place.around.after[: one.replaces]
        if not there or not one.text.endswith(there):
            return one
        return replace(one.cut(len(one.text) - len(there)), replaces=0)
