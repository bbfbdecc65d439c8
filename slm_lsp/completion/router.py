"""Which model answers: a small one what comes by itself, a larger one what is worth its time.

It runs on the engine's thread.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from slm_lsp.cancel import CancelToken
from slm_lsp.completion import pipeline
from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.cursor import look
from slm_lsp.completion.extent import Extent, extent
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import ALL_ON, Switches
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Stage, Trigger
from slm_lsp.config import Settings
from slm_lsp.errors import ModelError

UNSURE = 0.3
"""The chance of being right below which the larger model is asked as well: what users accept usually."""

_RECENT = 0.3
"""Weight of the newest answer in the running mean of how long the larger model takes."""

Complete = Callable[[LoadedModel], CompletionResult]


class Router:
    """A `slm_lsp.completion.flight.Pipeline` over the models that stand beside one another."""

    def __init__(self) -> None:
        self._usual = 0.0
        self._failing = False

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
        """Complete one request (see `slm_lsp.completion.pipeline.run`)."""

        def complete(one: LoadedModel) -> CompletionResult:
            return pipeline.run(one, request, settings, cancel, switches, acceptance, told)

        reserve, large = model.reserve, model.large
        if reserve:
            return self._either(model, lambda: complete(reserve.get()), complete, "it is set for everything")
        if large is None:
            return complete(model)
        if why := _worth(model, request, settings):
            return self._either(large, lambda: complete(model), complete, why)
        started = time.monotonic()
        small = complete(model)
        if small.confidence is None or small.confidence >= UNSURE:
            return small
        left = settings.time_limit / 1e3 - (time.monotonic() - started)
        if left < self._usual:
            return _said(small, f"{model.name} alone: it is unsure, but no time is left for {large.name}")
        return self._either(large, lambda: small, complete, f"{model.name} is unsure")

    def _either(
        self, first: LoadedModel, otherwise: Callable[[], CompletionResult], complete: Complete, why: str
    ) -> CompletionResult:
        """Complete with a model; where it fails, return the answer of another one and say so."""
        started = time.monotonic()
        try:
            result = complete(first)
        except ModelError as error:
            result = otherwise()
            failed = f"{first.name} failed: {str(error).rstrip('.')}"
            notice = "" if self._failing else f"{failed}. {result.model} answers until it works again."
            self._failing = True
            return replace(_said(result, f"{result.model}: {failed}"), notice=notice)
        self._usual += _RECENT * (time.monotonic() - started - self._usual)
        notice = f"{first.name} works again." if self._failing else ""
        self._failing = False
        return replace(_said(result, f"{first.name}: {why}"), notice=notice)


def _worth(model: LoadedModel, request: CompletionRequest, settings: Settings) -> str:
    """Return why a request is worth the larger model's time, if it is."""
    if request.trigger is Trigger.INVOKED:
        return "it was asked for"
    _, around = look(request)
    kind = extent(around, request.trigger, model.format.fills, settings.max_lines)
    return "it is a block" if kind in (Extent.BODY, Extent.STATEMENT) else ""


def _said(result: CompletionResult, detail: str) -> CompletionResult:
    return replace(result, stages=(Stage("router", 0.0, detail), *result.stages))
