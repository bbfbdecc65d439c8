"""The one model that is kept warm: loaded in the background, and again when the settings name another."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum

from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.config import Settings
from slm_lsp.errors import SlmLspError

log = logging.getLogger(__name__)

Loader = Callable[[Settings, Progress], LoadedModel]


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


class WarmModel:
    """Loads the model on the engine's thread; the event loop alone touches this object's state.

    `on_loading` is called on the event loop with each piece of news.
    """

    def __init__(
        self, loader: Loader, worker: Executor, on_loading: Callable[[Loading], None] | None
    ) -> None:
        self._loader, self._worker, self._on_loading = loader, worker, on_loading
        self._loaded_for: tuple[object, ...] | None = None
        self._task: asyncio.Task[None] | None = None
        self.model: LoadedModel | None = None
        self.loading = Loading(State.IDLE)

    def configure(self, settings: Settings) -> bool:
        """Take new settings and return whether they name another model, which is loaded in the background."""
        wanted = (
            settings.model,
            settings.adapter,
            settings.device,
            settings.precision,
            settings.threads,
            settings.cache_memory,
        )
        if wanted == self._loaded_for:
            return False
        self._loaded_for = wanted
        previous = self._task
        self._announce(Loading(State.LOADING, 0.0, f"loading {settings.model}"))
        self._task = asyncio.get_running_loop().create_task(self._load(settings, wanted, previous))
        return True

    def close(self) -> None:
        """Let go of the model, once the engine's thread gets to it."""
        if self._task:
            self._task.cancel()
        model, self.model = self.model, None
        if model:
            self._worker.submit(model.close)

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
        old, self.model = self.model, None

        def progress(fraction: float, message: str) -> None:
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
            log.error("the model could not be loaded: %s", error)  # noqa: TRY400 - the sentence says it all
            self._announce(Loading(State.FAILED, 0.0, str(error)))
        except Exception as error:
            log.exception("the model could not be loaded")
            self._announce(Loading(State.FAILED, 0.0, f"{settings.model} could not be loaded: {error}"))
        else:
            self._announce(Loading(State.READY, 1.0, f"{self.model.name} is ready"))
