"""The one warm model behind every client: loads it, queues requests, lets the latest win.

The event loop alone touches this object's state. One worker thread owns the engine: loading and
decoding happen there, never on the loop.
"""

import asyncio
import contextlib
import gc
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.pipeline import run
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason
from slm_lsp.config import Settings
from slm_lsp.engine.interface import EngineInfo
from slm_lsp.errors import SlmLspError

log = logging.getLogger(__name__)

Loader = Callable[[Settings, Progress], LoadedModel]
Pipeline = Callable[[LoadedModel, CompletionRequest, Settings, CancelToken], CompletionResult]

RESULTS_KEPT = 100
"""Documents whose last result is kept for `slm-lsp.why`."""


class State(Enum):
    """Where the model is on its way."""

    IDLE = "idle"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Loading:
    """News of the model: its state, how far loading is (0 to 1), and what is being done or went wrong."""

    state: State
    fraction: float = 0.0
    message: str = ""


@dataclass(slots=True)
class Counters:
    """What happened since the start; `reasons` counts why requests got no item, `prefilled` and `decoded` the
    tokens of the requests that ran to their end."""

    requests: int = 0
    shown: int = 0
    accepted: int = 0
    prefilled: int = 0
    decoded: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Run:
    """A request that the worker has, or will have; superseding it answers it at once."""

    token: CancelToken
    answer: asyncio.Future[CompletionResult]
    superseded: bool = False

    def supersede(self) -> None:
        self.superseded = True
        self.token.cancel()
        self.answer.cancel()


class CompletionService:
    """Loads the model in the background and answers requests with it.

    `on_loading` is called on the event loop with each piece of news of the model.
    """

    def __init__(
        self,
        loader: Loader,
        on_loading: Callable[[Loading], None] | None = None,
        pipeline: Pipeline = run,
    ) -> None:
        self._loader = loader
        self._on_loading = on_loading
        self._pipeline = pipeline
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="slm-engine")
        self._model: LoadedModel | None = None
        self._loaded_for: tuple[object, ...] | None = None
        self._running: dict[str, _Run] = {}
        self._results: OrderedDict[str, CompletionResult] = OrderedDict()
        self._load_task: asyncio.Task[None] | None = None
        self.settings = Settings()
        self.counters = Counters()
        self.loading = Loading(State.IDLE)

    def configure(self, settings: Settings) -> None:
        """Take new settings and return; the model is (re)loaded in the background if they name another."""
        self.settings = settings
        wanted = (settings.model, settings.adapter, settings.device, settings.precision, settings.threads)
        if wanted == self._loaded_for:
            return
        self._loaded_for = wanted
        previous = self._load_task
        self._announce(Loading(State.LOADING, 0.0, f"loading {settings.model}"))
        self._load_task = asyncio.get_running_loop().create_task(self._load(settings, wanted, previous))

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """Answer one request; a newer one for the same document ends it with a reason.

        Returns at once while the model is not ready. Never raises but `asyncio.CancelledError`, after
        which the engine stops before its next token.
        """
        uri, settings = request.document.uri, self.settings
        self.counters.requests += 1
        self.edited(uri)
        if reason := self._refusal(request):
            return self._note(uri, CompletionResult(reason=reason))
        assert self._model is not None
        model, token = self._model, CancelToken()
        answer = asyncio.get_running_loop().run_in_executor(
            self._worker, _run, self._pipeline, model, request, settings, token
        )
        running = self._running[uri] = _Run(token, answer)
        result = CompletionResult(reason=Reason.SUPERSEDED, model=model.name)
        try:
            finished = await answer
            if not running.superseded:
                result = finished
        except asyncio.CancelledError:
            if not running.superseded:
                self._note(uri, CompletionResult(reason=Reason.CANCELLED, model=model.name))
                raise
        finally:
            token.cancel()
            if self._running.get(uri) is running:
                del self._running[uri]
        return self._note(uri, result)

    def why(self, uri: str) -> CompletionResult | None:
        """Return the last result for a document, if there was one."""
        return self._results.get(uri)

    def accepted(self) -> None:
        """Take note that the user accepted a suggestion."""
        self.counters.accepted += 1

    def edited(self, uri: str) -> None:
        """Stop working on a document that has changed: the answer would no longer fit."""
        if running := self._running.pop(uri, None):
            running.supersede()

    def forget(self, uri: str) -> None:
        """Drop what is known of a closed document and stop working on it."""
        self.edited(uri)
        self._results.pop(uri, None)

    @property
    def engine(self) -> EngineInfo | None:
        """What is loaded, if a model is ready."""
        return self._model.engine.info if self._model else None

    def close(self) -> None:
        """Stop all work and let go of the model."""
        for uri in list(self._running):
            self.edited(uri)
        if self._load_task:
            self._load_task.cancel()
        model, self._model = self._model, None
        if model:
            self._worker.submit(model.close)
        self._worker.shutdown(wait=False, cancel_futures=False)

    def _refusal(self, request: CompletionRequest) -> Reason | None:
        if not self.settings.enabled:
            return Reason.DISABLED
        if request.document.language in self.settings.disabled_languages:
            return Reason.LANGUAGE_OFF
        if self._model is None:
            return Reason.NO_MODEL if self.loading.state is State.FAILED else Reason.LOADING
        return None

    def _note(self, uri: str, result: CompletionResult) -> CompletionResult:
        self.counters.prefilled += result.usage.prefilled
        self.counters.decoded += result.usage.decoded
        if result.items:
            self.counters.shown += 1
        elif result.reason:
            self.counters.reasons[result.reason.name.lower()] += 1
        self._results[uri] = result
        self._results.move_to_end(uri)
        while len(self._results) > RESULTS_KEPT:
            self._results.popitem(last=False)
        return result

    def _announce(self, loading: Loading) -> None:
        self.loading = loading
        if self._on_loading:
            self._on_loading(loading)

    async def _load(
        self, settings: Settings, wanted: tuple[object, ...], previous: asyncio.Task[None] | None
    ) -> None:
        if previous:
            with contextlib.suppress(asyncio.CancelledError):
                await previous
        if wanted != self._loaded_for:
            return
        loop = asyncio.get_running_loop()
        old, self._model = self._model, None

        def progress(fraction: float, message: str) -> None:
            news = Loading(State.LOADING, fraction, message)
            loop.call_soon_threadsafe(lambda: self._announce(news) if wanted == self._loaded_for else None)

        def work() -> LoadedModel:
            if old:
                old.close()
            gc.collect()
            return self._loader(settings, progress)

        try:
            self._model = await loop.run_in_executor(self._worker, work)
        except SlmLspError as error:
            log.error("the model could not be loaded: %s", error)  # noqa: TRY400 - the sentence says it all
            self._announce(Loading(State.FAILED, 0.0, str(error)))
        except Exception as error:
            log.exception("the model could not be loaded")
            self._announce(Loading(State.FAILED, 0.0, f"{settings.model} could not be loaded: {error}"))
        else:
            self._announce(Loading(State.READY, 1.0, f"{self._model.name} is ready"))


def _run(
    pipeline: Pipeline,
    model: LoadedModel,
    request: CompletionRequest,
    settings: Settings,
    cancel: CancelToken,
) -> CompletionResult:
    """Run the pipeline on the engine's thread; a cancelled or failed run becomes a result with its reason."""
    try:
        cancel.check()
        return pipeline(model, request, settings, cancel)
    except Cancelled:
        return CompletionResult(reason=Reason.SUPERSEDED, model=model.name)
    except Exception:
        log.exception("a completion failed")
        return CompletionResult(reason=Reason.FAILED, model=model.name)
