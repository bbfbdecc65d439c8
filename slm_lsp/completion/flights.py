"""The generations under way: one for each document, and one ahead of need.

The event loop alone touches them.
"""

import asyncio
from collections.abc import Callable

from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.flight import Flight, Pipeline
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.request import CompletionRequest, CompletionResult
from slm_lsp.completion.scheduler import Scheduler
from slm_lsp.config import Settings

GRACE = 0.012
"""Seconds that a generation whose request was cancelled goes on: editors cancel before they ask again."""

DRAWN = 0.06
"""Seconds after an answer in which the editor draws it, for which it needs the processor as well."""


class Flights:
    """Begins and stops generations; `landed` is given what each brought, whoever waits for it still."""

    def __init__(
        self,
        scheduler: Scheduler,
        pipeline: Pipeline,
        landed: Callable[[Flight, CompletionResult], None],
    ) -> None:
        self._scheduler, self._pipeline, self._landed = scheduler, pipeline, landed
        self._under_way: dict[str, Flight] = {}
        self._ahead: Flight | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._soon_for = ""

    def __len__(self) -> int:
        """How many documents have a generation under way."""
        return len(self._under_way)

    def of(self, uri: str) -> Flight | None:
        """Return a document's generation, if there is one."""
        return self._under_way.get(uri)

    def begin(
        self, request: CompletionRequest, model: LoadedModel, settings: Settings, acceptance: Acceptance
    ) -> Flight:
        """Begin with a request, or go on with it if it was begun ahead of need."""
        self._not_soon()
        flight = self._ahead
        if flight and not flight.job.done.done() and flight.serves(request):
            flight.job.background = flight.ahead = False
        else:
            flight = self._fly(request, model, settings, acceptance)
        self._under_way[request.document.uri] = flight
        return flight

    def begin_ahead(
        self, request: CompletionRequest, model: LoadedModel, settings: Settings, acceptance: Acceptance
    ) -> None:
        """Begin in idle time with what will be asked, once the editor has drawn what it was answered."""

        def begin() -> None:
            self._ahead = self._fly(request, model, settings, acceptance, background=True)

        self._not_soon()
        self._soon_for = request.document.uri
        self._soon = asyncio.get_running_loop().call_later(DRAWN, begin)

    def stop(self, uri: str) -> None:
        """Stop a document's generation."""
        if flight := self._under_way.pop(uri, None):
            flight.cancel()

    def forget(self, uri: str) -> None:
        """Stop a document's generation, and what is done or about to be done ahead for it."""
        self.stop(uri)
        if self._soon_for == uri:
            self._not_soon()
        if self._ahead and self._ahead.request.document.uri == uri:
            self._ahead.cancel()

    def stop_all(self) -> None:
        """Stop every document's generation, and what is done ahead."""
        self._not_soon()
        if self._ahead:
            self._ahead.cancel()
        for uri in list(self._under_way):
            self.stop(uri)

    def stop_soon(self, uri: str, wanted: Callable[[], bool]) -> None:
        """Stop a document's generation, which nobody waits for, unless it is `wanted` again by then."""
        flight = self._under_way.get(uri)
        if flight is None:
            return

        def give_up() -> None:
            if self._under_way.get(uri) is flight and not wanted():
                self.stop(uri)

        if flight.job.begun:
            asyncio.get_running_loop().call_later(GRACE, give_up)
        else:
            self.stop(uri)

    def _not_soon(self) -> None:
        if self._soon:
            self._soon.cancel()

    def _fly(
        self,
        request: CompletionRequest,
        model: LoadedModel,
        settings: Settings,
        acceptance: Acceptance,
        *,
        background: bool = False,
    ) -> Flight:
        uri = request.document.uri
        flight = Flight(
            self._scheduler, self._pipeline, model, request, settings, acceptance, background=background
        )

        def done(result: "asyncio.Future[CompletionResult]") -> None:
            if self._under_way.get(uri) is flight:
                del self._under_way[uri]
            if not result.cancelled():
                self._landed(flight, result.result())

        flight.job.done.add_done_callback(done)
        return flight
