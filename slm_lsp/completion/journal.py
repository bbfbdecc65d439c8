"""What is remembered of requests and suggestions: counters, the trail, and what became of what was shown."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from slm_lsp.completion.events import Event, Happened
from slm_lsp.completion.offers import Offer, Offers
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason, Source, Trigger
from slm_lsp.completion.trail import Trail


@dataclass(slots=True)
class Counters:
    """What happened since the start.

    `reasons` counts why requests got no item, `sources` where answers came from, `prefilled` and `decoded`
    the tokens of all that ran, `ahead` those that were read before they were asked for, `finished` the
    generations that were asked for and ran to their end.
    """

    requests: int = 0
    shown: int = 0
    accepted: int = 0
    rejected: int = 0
    prefilled: int = 0
    ahead: int = 0
    decoded: int = 0
    finished: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)


class Journal:
    """Keeps it; `on_event` is told what becomes of suggestions."""

    def __init__(self) -> None:
        self.trail, self.counters = Trail(), Counters()
        self.on_event: Callable[[Event], None] = lambda event: None
        self._offers = Offers()

    def asked(self, request: CompletionRequest) -> None:
        """Take a request, and what it says of the suggestion before it."""
        self.counters.requests += 1
        if self._offers.follow(request):
            self._refused(request.document.language)

    def answered(
        self, request: CompletionRequest, result: CompletionResult, ms: float, *, texts: bool
    ) -> CompletionResult:
        """Take an answer and return it without what the user rejected there before."""
        if request.trigger is not Trigger.INVOKED:
            items = tuple(item for item in result.items if not self._offers.refused(request, item))
            if len(items) < len(result.items):
                result = replace(result, items=items, reason=None if items else Reason.REJECTED_HERE)
        self.counters.sources[result.source.name.lower()] += 1
        if result.items:
            self.counters.shown += 1
            new = self._offers.show(request, result.items[0])
            self.on_event(
                Event(
                    Happened.SHOWN if new else Happened.KEPT,
                    request.document.language,
                    text=result.items[0].text,
                    ms=ms,
                    cached=result.source is Source.CACHE,
                )
            )
        elif result.reason:
            self.counters.reasons[result.reason.name.lower()] += 1
        self.trail.add(request, result, ms, texts=texts)
        return result

    def accepted(self, identifier: str, kind: str, characters: int | None) -> Offer | None:
        """Take an acceptance and return what was accepted, if it was on the screen."""
        self.counters.accepted += 1
        offer = self._offers.accept(identifier, kind)
        if offer:
            document = offer.request.document
            text = offer.left if characters is None else offer.left[:characters]
            self.on_event(Event(Happened.ACCEPTED, document.language, text=text, kind=kind, uri=document.uri))
        return offer

    def rejected(self, identifier: str) -> None:
        """Take a dismissal: what was dismissed does not come back there."""
        if offer := self._offers.reject(identifier):
            self._refused(offer.request.document.language)

    def forget(self, uri: str) -> None:
        """Drop what is known of a closed document."""
        self._offers.forget(uri)
        self.trail.forget(uri)

    def _refused(self, language: str) -> None:
        self.counters.rejected += 1
        self.on_event(Event(Happened.REJECTED, language))
