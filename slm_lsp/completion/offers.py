"""What the user was shown last in each document, and what became of it."""

from dataclasses import dataclass

from cachetools import LRUCache

from slm_lsp.completion.cache import AUTO_CLOSED
from slm_lsp.completion.request import CompletionItem, CompletionRequest
from slm_lsp.completion.typed import typed_since

REFUSALS = 2
"""How often a suggestion is typed against before it does not come back."""

NEAR = 3
"""Lines above the cursor's that make a place."""

_CLOSED = "".join(AUTO_CLOSED)

_Place = tuple[str, tuple[str, ...], str]


@dataclass(slots=True)
class Offer:
    """A suggestion on the screen: the request that brought it up, and what is left of it."""

    request: CompletionRequest
    item: CompletionItem
    left: str


class Offers:
    """Follows suggestions from when they are shown until they are accepted, rejected or left behind.

    A suggestion is rejected once the user dismissed it, typed against it twice, or deleted what came before.
    """

    def __init__(self) -> None:
        self._shown: LRUCache[str, Offer] = LRUCache(100)
        self._refused: LRUCache[_Place, int] = LRUCache(300)

    def show(self, request: CompletionRequest, item: CompletionItem) -> bool:
        """Take note of what is shown; returns whether it was not on the screen already."""
        uri = request.document.uri
        shown = self._shown.get(uri)
        if shown and shown.item.id == item.id:
            shown.left = item.text
            return False
        self._shown[uri] = Offer(request, item, item.text)
        return True

    def follow(self, request: CompletionRequest) -> bool:
        """Look at what the next request says of the offer; returns whether it was rejected."""
        uri = request.document.uri
        offer = self._shown.get(uri)
        if offer is None:
            return False
        typed = typed_since(offer.request, request.document)
        asked = offer.request
        line = asked.document.lines[asked.line]
        says, has = line[: offer.item.start] + offer.item.text, line[: asked.column]
        if typed is not None and says.startswith(has + typed.rstrip(_CLOSED)):
            return False
        del self._shown[uri]
        back = request.line == offer.request.line and request.column < offer.request.column
        if typed is None and not back:
            return False  # the user went elsewhere
        self._refuse(offer, REFUSALS if back else 1)
        return True

    def reject(self, identifier: str) -> Offer | None:
        """Take note that a suggestion was dismissed; returns it if it was on the screen."""
        offer = self._take(identifier)
        if offer:
            self._refuse(offer, REFUSALS)
        return offer

    def accept(self, identifier: str, kind: str) -> Offer | None:
        """Take note that a suggestion was accepted, or a part of it; returns it if it was on the screen."""
        if kind == "whole":
            return self._take(identifier)
        return next((one for one in self._shown.values() if one.item.id == identifier), None)

    def refused(self, request: CompletionRequest, item: CompletionItem) -> bool:
        """Whether the user rejected the same suggestion in the same place."""
        return self._refused.get(_place(request, item), 0) >= REFUSALS

    def forget(self, uri: str) -> None:
        """Drop the offer of a closed document."""
        self._shown.pop(uri, None)

    def _take(self, identifier: str) -> Offer | None:
        for uri, offer in list(self._shown.items()):
            if offer.item.id == identifier:
                return self._shown.pop(uri)
        return None

    def _refuse(self, offer: Offer, times: int) -> None:
        place = _place(offer.request, offer.item)
        self._refused[place] = self._refused.get(place, 0) + times


def _place(request: CompletionRequest, item: CompletionItem) -> _Place:
    """Return a suggestion's place and its first whole line: what they are however much of it is typed."""
    row, _ = request.document.clamp(request.line, request.column)
    lines = request.document.lines
    first = (lines[row][: item.start] + item.text).lstrip().partition("\n")[0].rstrip()
    return request.document.uri, lines[max(0, row - NEAR) : row], first
