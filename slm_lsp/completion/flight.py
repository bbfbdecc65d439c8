"""A generation that is under way, which later requests may join as long as the user types what it writes."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import ALL_ON, Switches
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason, Trigger
from slm_lsp.completion.scheduler import Job, Scheduler
from slm_lsp.completion.typed import agrees, typed_since
from slm_lsp.config import Settings
from slm_lsp.text.snapshot import Snapshot

log = logging.getLogger(__name__)


class Pipeline(Protocol):
    """Completes one request on the engine's thread (see `slm_lsp.completion.pipeline.run`)."""

    def __call__(
        self,
        model: LoadedModel,
        request: CompletionRequest,
        settings: Settings,
        cancel: CancelToken,
        switches: Switches = ALL_ON,
        acceptance: Acceptance = Acceptance(),  # noqa: B008 - frozen
        told: Callable[[str], None] = lambda text: None,
    ) -> CompletionResult:
        """Complete one request."""


class Flight:
    """One request on its way through the engine.

    The engine's thread writes `_written` and the event loop `_expected`, each a whole string at once.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        pipeline: Pipeline,
        model: LoadedModel,
        request: CompletionRequest,
        settings: Settings,
        acceptance: Acceptance,
        *,
        background: bool = False,
    ) -> None:
        self.request, self.ahead = request, background
        self.seconds = 0.0
        self._scheduler, self._pipeline, self._model = scheduler, pipeline, model
        self._settings, self._acceptance = settings, acceptance
        self._written, self._expected = "", ""
        self.job: Job[CompletionResult] = scheduler.submit(
            request.document.uri, self._work, background=background
        )

    def follows(self, document: Snapshot) -> bool:
        """Whether a document has become what this flight may be writing; then it goes on for that."""
        typed = typed_since(self.request, document)
        if typed is None or not agrees(typed, self._written) or self.job.token.cancelled:
            return False
        self._expected = typed
        return True

    def serves(self, request: CompletionRequest) -> bool:
        """Whether a request may wait for this flight."""
        alike = request.trigger is self.request.trigger is Trigger.AUTOMATIC and request.popup is None
        alike = alike and self.request.popup is None
        return alike and self.follows(request.document)

    def cancel(self) -> None:
        """Call it off."""
        self._scheduler.cancel(self.job)

    def _work(self, token: CancelToken) -> CompletionResult:
        """Run on the engine's thread; a cancelled or failed run becomes a result with its reason."""
        started = time.perf_counter()

        def told(text: str) -> None:
            self._written = text
            if not agrees(self._expected, text):
                token.cancel()

        try:
            token.check()
            return self._pipeline(
                self._model,
                self.request,
                self._settings,
                token,
                acceptance=self._acceptance,
                told=told,
            )
        except Cancelled:
            return CompletionResult(reason=Reason.SUPERSEDED, model=self._model.name)
        except Exception:
            log.exception("a completion failed")
            return CompletionResult(reason=Reason.FAILED, model=self._model.name)
        finally:
            self.seconds = time.perf_counter() - started
