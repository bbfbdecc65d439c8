"""From a request to its answer: gates, cache, a generation that runs already, or a new one; the latest wins.

The event loop alone touches this object's state. One worker thread owns the engine: loading and decoding
happen there, never on the loop.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from slm_lsp.completion import gates
from slm_lsp.completion.ahead import ReadAhead, after_acceptance
from slm_lsp.completion.attention import Attention
from slm_lsp.completion.cache import SuggestionCache
from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.context import Contexts
from slm_lsp.completion.flight import Flight, Pipeline
from slm_lsp.completion.flights import Flights
from slm_lsp.completion.journal import Journal
from slm_lsp.completion.memory import MemoryLimit
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason, Source, Trigger
from slm_lsp.completion.rhythm import Rhythm
from slm_lsp.completion.router import Router
from slm_lsp.completion.scheduler import Scheduler
from slm_lsp.completion.shown import Shown, shown
from slm_lsp.completion.trail import Entry
from slm_lsp.completion.warm import Loader, Loading, State, WarmModel
from slm_lsp.completion.worker import Watchdog, Worker
from slm_lsp.config import Settings
from slm_lsp.context.workspace import Workspace
from slm_lsp.engine.interface import EngineInfo
from slm_lsp.errors import ModelError
from slm_lsp.text.snapshot import Snapshot


class CompletionService:
    """Loads the model in the background and answers requests with it.

    `on_loading` is called on the event loop with each piece of news of the model, and `on_notice` with what
    the user should read of who answers. `contexts` knows what else the model is shown.
    """

    def __init__(
        self,
        loader: Loader,
        on_loading: Callable[[Loading], None] | None = None,
        pipeline: Pipeline | None = None,
    ) -> None:
        self.on_notice: Callable[[str], None] = lambda text: None
        self._worker = Worker()
        self._warm = WarmModel(loader, self._worker, on_loading)
        self._scheduler = Scheduler(self._worker)
        self._watchdog = Watchdog(self._scheduler, self._restart)
        self._cache, self._rhythm = SuggestionCache(), Rhythm()
        self._flights = Flights(self._scheduler, pipeline or Router(), self._landed)
        self._asked: dict[str, asyncio.Future[None]] = {}
        self._reading = ReadAhead(self._scheduler, self._read_ahead)
        self._memory = MemoryLimit(self._scheduler, self._empty)
        self._attention = Attention()
        self.contexts = Contexts(Workspace())
        self.journal = Journal()
        self.settings = Settings()
        self.acceptance = Acceptance()

    @property
    def loading(self) -> Loading:
        """The newest news of the model."""
        return self._warm.loading

    @property
    def engine(self) -> EngineInfo | None:
        """What is loaded, if a model is ready."""
        return self._warm.model.engine.info if self._warm.model else None

    @property
    def remote(self) -> LoadedModel | None:
        """The model on a server, if one is used."""
        return self._warm.model.remote if self._warm.model else None

    def configure(self, settings: Settings) -> None:
        """Take new settings and return; the model is (re)loaded in the background if they name another."""
        if settings != self.settings:
            self._cache.clear()
        self.settings = settings
        if self._warm.configure(settings):
            self._flights.stop_all()

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """Answer one request; a newer one for the same document ends it with a reason.

        Returns at once while the model is not ready. Never raises but `asyncio.CancelledError`, after
        which the engine stops before its next token unless the request's successor takes over.
        """
        started, uri = time.perf_counter(), request.document.uri
        selecting = self._attention.selecting(uri)
        request = replace(request, selecting=selecting, contexts=self.contexts)
        self._scheduler.focus = uri
        self._attention.asked()
        self._leave(uri)
        self.journal.asked(request)
        result = self._at_once(request)
        if result is None:
            asked = self._asked[uri] = asyncio.get_running_loop().create_future()
            try:
                result = await self._generated(request, asked)
            except asyncio.CancelledError:
                if not asked.done():
                    self._note(request, CompletionResult(reason=Reason.CANCELLED), started)
                raise
            finally:
                if self._asked.get(uri) is asked:
                    del self._asked[uri]
                    self._flights.stop_soon(uri, lambda: uri in self._asked)
        return self._note(request, result, started)

    async def permitted(self, document: Snapshot) -> bool:
        """Return whether a document may be completed and shown; what that takes of the disk is read aside."""
        workspace = self.contexts.workspace
        known = workspace.permissions.known(document.uri)
        return await asyncio.wrap_future(workspace.permitted(document)) if known is None else known

    async def shown(self, request: CompletionRequest) -> Shown:
        """Return what the model would be shown for a request.

        Raises:
            ModelError: no model is ready, or it can't hold the prompt.
        """
        if self._warm.model is None:
            raise ModelError(f"no model is ready: {self.loading.message}")
        request = replace(request, contexts=self.contexts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, shown, self._warm.model, request, self.settings)

    def why(self, uri: str) -> Entry | None:
        """Return how the last request for a document was answered, if there was one."""
        return self.journal.trail.last(uri)

    def accepted(self, identifier: str, kind: str = "whole", characters: int | None = None) -> None:
        """Take note that the user accepted a suggestion, or a word or a line of it."""
        offer = self.journal.accepted(identifier, kind, characters)
        if offer and kind == "whole":
            self._attention.accepted(offer.request, offer.item)

    def rejected(self, identifier: str) -> None:
        """Take note that the user dismissed a suggestion; it does not come back there."""
        self.journal.rejected(identifier)

    def snooze(self, seconds: float) -> None:
        """Suggest nothing by itself for a while; 0 ends it."""
        self._attention.snooze(seconds)

    def focus(self, uri: str, *, selecting: bool) -> None:
        """Take note of which document has the focus, and whether text is selected in it."""
        self._scheduler.focus = uri
        self._attention.select(uri, selecting=selecting)

    def rests(self, request: CompletionRequest) -> None:
        """Take note of where the cursor rests: what will be asked there is read ahead."""
        self._read(request)

    def just_typed(self, request: CompletionRequest) -> bool:
        """Whether a request comes of a key that was typed right before, whatever the editor says."""
        return self._attention.just_typed(request)

    @property
    def snoozed(self) -> float:
        """For how many seconds more nothing is suggested."""
        return self._attention.snoozed

    def opened(self, document: Snapshot) -> None:
        """Read ahead in a document that was opened: where it ends is where a new one is written."""
        last = len(document.lines) - 1
        self._read(CompletionRequest(document, last, len(document.lines[last])))

    def edited(self, document: Snapshot, line: int = 0, column: int = 0) -> None:
        """Stop working on a document that has changed, unless it is as the running generation says.

        `line` and `column` are where the newest edit ends: read ahead from there, if nothing is asked.
        """
        uri = self._scheduler.focus = document.uri
        self._rhythm.edited(time.monotonic())
        self._attention.edited(uri, line, column)
        self._leave(uri)
        flight = self._flights.of(uri)
        if flight and not flight.follows(document):
            self._flights.stop(uri)
        self._read(CompletionRequest(document, line, column))

    def forget(self, uri: str) -> None:
        """Drop what is known of a closed document and stop working on it."""
        self._leave(uri)
        self._flights.forget(uri)
        self.journal.forget(uri)
        self.contexts.forget(uri)

    def close(self) -> None:
        """Stop all work and let go of the model."""
        for uri in list(self._asked):
            self._leave(uri)
        self._flights.stop_all()
        self._reading.cancel()
        self._watchdog.close()
        self._scheduler.drop_background()
        self._warm.close()
        self.contexts.shut_down()
        self._worker.shutdown(wait=False, cancel_futures=False)

    def _at_once(self, request: CompletionRequest) -> CompletionResult | None:
        """Return the answer that needs no engine: why nothing is suggested, or what is known already."""
        settings, invoked = self.settings, request.trigger is Trigger.INVOKED
        reason = self._refusal(request)
        if reason is None and not invoked and self.snoozed:
            reason = Reason.SNOOZED
        if reason is None:
            reason = gates.closed(request, settings)
        seen = self.contexts.workspace.permissions.known(request.document.uri)
        known = None if reason or invoked or not seen else self._cache.look(request)
        if known:
            return replace(known, source=Source.CACHE)
        if reason is None and not invoked:
            reason = Reason.AFTER_ACCEPTED if self._attention.just_accepted(request) else None
        return CompletionResult(reason=reason, source=Source.NONE) if reason else None

    def _refusal(self, request: CompletionRequest) -> Reason | None:
        if not self.settings.enabled:
            return Reason.DISABLED
        if request.document.language in self.settings.disabled_languages:
            return Reason.LANGUAGE_OFF
        if self.contexts.workspace.permissions.known(request.document.uri) is False:
            return Reason.FILE_IGNORED
        if self._warm.model is None:
            self._warm.retry(self.settings)
            return Reason.NO_MODEL if self.loading.state is State.FAILED else Reason.LOADING
        return None

    async def _generated(self, request: CompletionRequest, asked: "asyncio.Future[None]") -> CompletionResult:
        """Return what the engine writes: what it is writing already, if that fits, or anew."""
        uri, superseded = request.document.uri, CompletionResult(reason=Reason.SUPERSEDED)
        looked = asyncio.ensure_future(self.permitted(request.document))
        waits: set[asyncio.Future[Any]] = {asked, looked}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return superseded
        if not looked.result():
            return CompletionResult(reason=Reason.FILE_IGNORED)
        flight, source = self._flights.of(uri), Source.JOINED
        while True:
            if flight is None or not flight.serves(request):
                self._flights.stop(uri)
                source = Source.ENGINE
                if request.trigger is Trigger.AUTOMATIC and not await self._patient(asked):
                    return superseded
                model = self._warm.model
                if model and not await self._memory.room(self.settings.memory_limit, model):
                    return CompletionResult(reason=Reason.MEMORY)
                if asked.done():
                    return superseded
                if (model := self._warm.model) is None:
                    return CompletionResult(reason=Reason.LOADING)
                flight = self._flights.begin(request, model, self.settings, self.acceptance)
            waits = {asked, flight.job.done}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                return superseded
            if flight.job.done.cancelled():
                return CompletionResult(reason=flight.job.lost or Reason.SUPERSEDED)
            result = flight.job.done.result()
            if flight.request is request:
                return replace(result, source=Source.ENGINE)
            if known := self._cache.look(request):
                return replace(known, source=source, stages=result.stages, usage=result.usage)
            # It went another way, or what it wrote is typed already: nobody can join it a second time.
            flight = None

    async def _patient(self, asked: "asyncio.Future[None]") -> bool:
        """Wait as the machine and the user's typing want it; returns whether the request is still wanted."""
        wait = self._rhythm.wait(time.monotonic())
        if wait:
            await asyncio.wait({asked}, timeout=wait)
        return not asked.done()

    def _landed(self, flight: Flight, result: CompletionResult) -> None:
        """Keep what a generation brought, whoever waits for it still."""
        counters = self.journal.counters
        counters.prefilled += result.usage.prefilled
        counters.decoded += result.usage.decoded
        if result.notice:
            self.on_notice(result.notice)
        if result.reason in (Reason.SUPERSEDED, Reason.FAILED):
            return
        counters.finished += not flight.ahead
        self._rhythm.completed(flight.seconds)
        self._cache.put(flight.request, result)

    def _restart(self) -> None:
        """Go on with a new thread and the model loaded anew: the engine hangs."""
        self._scheduler.give_up(Reason.HUNG)
        self._warm.restart(self.settings)

    def _empty(self) -> None:
        """Empty the caches."""
        self._cache.clear()
        self.contexts.clear()

    def _read(self, request: CompletionRequest) -> None:
        if not self.settings.ahead or self._memory.short(self.settings.memory_limit):
            return
        workspace, document = self.contexts.workspace, request.document
        if workspace.permissions.known(document.uri) is None:
            workspace.permitted(document)

        def model() -> LoadedModel | None:
            closed = self._refusal(request) or gates.TOO_LONG.shut(request, self.settings)
            return self._warm.model if workspace.permissions.known(document.uri) and not closed else None

        self._reading.soon(replace(request, contexts=self.contexts), model, self.settings)

    def _read_ahead(self, tokens: int) -> None:
        self.journal.counters.ahead += tokens

    def _leave(self, uri: str) -> None:
        """Answer the document's open request: its text or its turn is over."""
        asked = self._asked.pop(uri, None)
        if asked and not asked.done():
            asked.set_result(None)

    def _note(self, request: CompletionRequest, result: CompletionResult, started: float) -> CompletionResult:
        """Take note of an answer, and use the time until the next request."""
        ms = (time.perf_counter() - started) * 1e3
        result = self.journal.answered(request, result, ms, texts=self.settings.trail_text)
        if result.items and self.settings.ahead and not request.popup and result.source is not Source.CACHE:
            self._complete_ahead(after_acceptance(request, result.items[0]))
        return result

    def _complete_ahead(self, request: CompletionRequest) -> None:
        """Complete in idle time what will be asked if the suggestion is accepted."""
        model = self._warm.model
        if model and not gates.closed(request, self.settings) and not self._cache.look(request):
            self._flights.begin_ahead(request, model, self.settings, self.acceptance)
