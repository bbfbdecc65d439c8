"""Stand-ins for what is behind the service: a model that is none, and a pipeline that does as it is told."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.flight import Pipeline
from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.pipeline import ALL_ON, Switches
from slm_lsp.completion.request import (
    CompletionItem,
    CompletionRequest,
    CompletionResult,
    Reason,
    Stage,
)
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import Loading
from slm_lsp.config import Settings
from slm_lsp.engine.interface import EngineInfo

PATIENCE = 20.0
"""Seconds after which a test that waits for something gives up."""


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until something that another thread or process does makes the condition true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - no event comes from there
            await asyncio.sleep(0.002)


class FakeEngine:
    """An engine that is there to be described and closed."""

    info = EngineInfo("fake", 1000, "float32", "cpu", 1, 2048)

    def close(self) -> None:
        """Nothing to let go of."""


class FakeBackend:
    """The loader and the pipeline of a service.

    Loading ends when `loaded` is set, or fails with `failure`; it brings `model`, or one that is none. Each
    request is answered with `text`; one for a document whose language is ``slow`` only once `released` is
    set, and it can be cancelled. With a `pipeline` of its own that one answers instead.
    """

    def __init__(self, text: str = "pass") -> None:
        self.text = text
        self.loaded = threading.Event()
        self.loaded.set()
        self.released = threading.Event()
        self.failure: Exception | None = None
        self.model: LoadedModel | None = None
        self.pipeline: Pipeline | None = None
        self.requests: list[CompletionRequest] = []
        self.loads: list[Settings] = []
        self.stopped: list[str] = []
        self.services: list[CompletionService] = []

    def service(self, on_loading: Callable[[Loading], None]) -> CompletionService:
        """Make the service; `build_server` takes this as its factory."""
        self.services.append(CompletionService(self.load, on_loading, self.run))
        return self.services[-1]

    def load(self, settings: Settings, progress: Progress) -> LoadedModel:
        """Load nothing, for as long as the test wants."""
        self.loads.append(settings)
        progress(0.5, "half way")
        assert self.loaded.wait(PATIENCE)
        if self.failure:
            raise self.failure
        if self.model:
            return self.model
        return LoadedModel(settings.model, cast(Any, FakeEngine()), cast(Any, None), cast(Any, None))

    def run(
        self,
        model: LoadedModel,
        request: CompletionRequest,
        settings: Settings,
        cancel: CancelToken,
        switches: Switches = ALL_ON,
        acceptance: Acceptance = Acceptance(),  # noqa: B008 - frozen
        told: Callable[[str], None] = lambda text: None,
    ) -> CompletionResult:
        """Answer with `text` at the cursor, behind the popup's entry if there is one."""
        if self.pipeline:
            return self.pipeline(model, request, settings, cancel, switches, acceptance, told)
        self.requests.append(request)
        while request.document.language == "slow" and not self.released.wait(0.005):
            if cancel.cancelled:
                self.stopped.append(request.document.uri)
            cancel.check()
        popup = request.popup
        start, end = (popup.start, popup.end) if popup else (request.column, request.column)
        text = (popup.text if popup else "") + self.text
        stages = (Stage("decode", 1.0, "as told"),)
        if not self.text:
            return CompletionResult(reason=Reason.EMPTY, model=model.name, stages=stages)
        item = CompletionItem(f"item-{len(self.requests)}", text, start, end)
        return CompletionResult((item,), model=model.name, stages=stages)
