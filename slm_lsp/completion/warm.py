"""The one model that is kept warm: loaded in the background, and again when the settings name another.

It is also loaded again when it hung, and a while after it could not be loaded: the user may have mended it.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.worker import Worker
from slm_lsp.config import Settings
from slm_lsp.errors import SlmLspError

log = logging.getLogger(__name__)

RESTARTS = 3
"""How often a model that hangs is loaded again, until the settings name another."""

RETRY = 30.0
"""Seconds after which a model that could not be loaded is tried again, if it is asked for."""

Loader = Callable[[Settings, Progress], LoadedModel]


class State(Enum):
    """Where the model is on its way."""

    IDLE = "idle"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Loading:
    """News of the model: its state, how far loading is (0 to 1), and what is being done or went wrong.

    `alarming`: the user should be told, although the model will be there again.
    """

    state: State
    fraction: float = 0.0
    message: str = ""
    alarming: bool = False


class WarmModel:
    """Loads the model on the engine's thread; the event loop alone touches this object's state.

    `on_loading` is called on the event loop with each piece of news.
    """

    def __init__(self, loader: Loader, worker: Worker, on_loading: Callable[[Loading], None] | None) -> None:
        self._loader, self._worker, self._on_loading = loader, worker, on_loading
        self._loaded_for: tuple[object, ...] | None = None
        self._task: asyncio.Task[None] | None = None
        self._tasks = set[asyncio.Task[None]]()
        self._hung, self._failed_at = 0, 0.0
        self.model: LoadedModel | None = None
        self.loading = Loading(State.IDLE)

    def configure(self, settings: Settings) -> bool:
        """Take new settings and return whether they name another model, which is loaded in the background."""
        wanted = (
            settings.model,
            settings.adapter,
            settings.large_model,
            settings.endpoint,
            settings.endpoint_kind,
            settings.endpoint_model,
            settings.endpoint_tokenizer,
            settings.endpoint_authority,
            settings.endpoint_timeout,
            settings.device,
            settings.precision,
            settings.threads,
            settings.cache_memory,
            settings.chat,
        )
        if wanted == self._loaded_for:
            return False
        self._loaded_for, self._hung = wanted, 0
        self._announce(Loading(State.LOADING, 0.0, f"loading {settings.model}"))
        self._begin(settings, self._task)
        return True

    def restart(self, settings: Settings) -> None:
        """Give up the thread that hangs, with the model that it holds, and load the model again on another.

        After `RESTARTS` times the model counts as one that can't be loaded.
        """
        model, self.model = self.model, None
        # Its memory is in use for as long as the thread hangs.
        self._worker.replace(model.close if model else lambda: None)
        self._hung += 1
        log.error("the model hung, for the %d. time", self._hung)
        if self._hung > RESTARTS:
            sentence = f"{settings.model} hung {self._hung} times and is given up; choose another model."
            self._announce(Loading(State.FAILED, 0.0, sentence))
            return
        sentence = f"{settings.model} hung and is loaded again ({self._hung} of {RESTARTS} times)"
        self._announce(Loading(State.LOADING, 0.0, sentence, alarming=True))
        self._begin(settings, None)

    def retry(self, settings: Settings) -> None:
        """Try again to load a model that could not be loaded a while ago, unless that is under way."""
        if self._task and not self._task.done():
            return
        failed = self.loading.state is State.FAILED and self._hung <= RESTARTS
        if failed and time.monotonic() > self._failed_at + RETRY:
            self._begin(settings, self._task, again=True)

    def close(self) -> None:
        """Let go of the model, once the engine's thread gets to it."""
        for task in tuple(self._tasks):
            task.cancel()
        model, self.model = self.model, None
        if model:
            self._worker.submit(model.close)

    def _announce(self, loading: Loading) -> None:
        self.loading = loading
        if self._on_loading:
            self._on_loading(loading)

    def _begin(self, settings: Settings, previous: asyncio.Task[None] | None, *, again: bool = False) -> None:
        loading = self._load(settings, self._loaded_for, previous, again)
        self._task = asyncio.get_running_loop().create_task(loading)
        self._tasks.add(self._task)
        self._task.add_done_callback(self._tasks.discard)

    async def _load(
        self, settings: Settings, wanted: object, previous: asyncio.Task[None] | None, again: bool
    ) -> None:
        """Load the model after what is being loaded; nothing is said of trying `again` until it is there."""
        if previous:
            # Not awaited itself: its being called off can't be told from this one's.
            await asyncio.wait({previous})
        if wanted != self._loaded_for:
            return
        loop = asyncio.get_running_loop()
        old, self.model = self.model, None

        def progress(fraction: float, message: str) -> None:
            if again:
                return
            news = Loading(State.LOADING, fraction, message)
            loop.call_soon_threadsafe(lambda: self._announce(news) if wanted == self._loaded_for else None)

        def work() -> LoadedModel:
            if old:
                old.close()
            gc.collect()
            return self._loader(settings, progress)

        try:
            self.model = await loop.run_in_executor(self._worker, work)
        except SlmLspError as error:
            self._failed(str(error), again)
        except Exception as error:
            log.exception("the model could not be loaded")
            self._failed(f"{settings.model} could not be loaded: {error}", again)
        else:
            self._announce(Loading(State.READY, 1.0, f"{self.model.name} is ready"))

    def _failed(self, sentence: str, again: bool) -> None:
        self._failed_at = time.monotonic()
        if again and sentence == self.loading.message:
            return  # the user knows
        log.error("the model could not be loaded: %s", sentence)
        self._announce(Loading(State.FAILED, 0.0, sentence))
