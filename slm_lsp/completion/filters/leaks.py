"""What a model says that is no part of a file: special tokens spelled out, and talk."""

import re

from slm_lsp.completion.filters.base import PROSE, Candidate, Place
from slm_lsp.completion.request import Reason
from slm_lsp.context.syntax import Region


class SpecialTokens:
    """Cut at a special token that a vocabulary does not have, and the model has seen as text."""

    name = "special tokens"
    reason = Reason.LEAK

    _token = re.compile(
        r"<\|[\w▁-]{2,40}\|?>|<｜[^\n｜]{2,40}｜>|<(?:fim|file|repo|gh|issue|jupyter|commit)_\w+>|</s>"
        r"|<[fF][iI][mM][-_]\w+>|\[/?(?:INST|PREFIX|SUFFIX|MIDDLE)\]|▁?<(?:PRE|SUF|MID|EOT)>"
        r"|…"  # what an outline leaves out
    )

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        found = self._token.search(one.text)
        # A file about such tokens may go on about them.
        if found is None or found[0] in place.around.before or found[0] in place.around.after:
            return one
        return one.cut(found.start())


class ChatProse:
    """Reject an answer in words, and cut at a fence: a model that was taught to chat wraps code in both."""

    name = "chat"
    reason = Reason.CHAT

    _talk = re.compile(
        r"\s*(?:Sure|Certainly|Of course|Here(?:'s|’s| is| are)|I(?:'m|’m| am| will| have| can)|As an AI"
        r"|The (?:above|following|given|code|function|output|purpose)|This (?:is|code|function|will|program)"
        r"|To (?:complete|fix|solve|do|use|get|make)|Note(?: that|:)|Explanation|You (?:can|should|need)"
        r"|In (?:this|the)|Let(?:'s|’s| me)|Please) ?[^=(){};\[\]\n]{8,}(?:[.:!,]\s|[.:!]?$)",
        re.MULTILINE,
    )
    _fence = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)

    def apply(self, one: Candidate, place: Place) -> Candidate:
        """See `Filter.apply`."""
        if place.language in PROSE or place.region is not Region.CODE:
            return one
        if self._talk.match(one.text):
            return one.cut(0)
        fence = self._fence.search(one.text)
        return one.cut(fence.start()) if fence else one
