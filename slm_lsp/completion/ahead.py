"""What is done ahead of need: completing what an acceptance leads to, reading where the cursor rests."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.completion.cursor import line_ending
from slm_lsp.completion.filters.spacing import SAMPLE, unit
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import prefill
from slm_lsp.completion.request import CompletionItem, CompletionRequest, Trigger
from slm_lsp.completion.scheduler import Job, Scheduler
from slm_lsp.config import Settings
from slm_lsp.engine.interface import Usage
from slm_lsp.errors import SlmLspError
from slm_lsp.text.lines import split

REST = 0.15
"""Seconds after which a cursor rests, and the engine may read what is around it."""


def after_acceptance(request: CompletionRequest, item: CompletionItem) -> CompletionRequest:
    """Return what the user asks next after accepting an item.

    That is at its end, or, where that ends its line, in the next line, indented as editors do.
    """
    document = request.document
    row, _ = document.clamp(request.line, request.column)
    line = document.lines[row]
    ending = line_ending(document, row)
    head, rest = line[: item.start] + item.text, line[item.end :]
    if not rest.strip():
        last = split(head)[-1]
        indent = last[: len(last) - len(last.lstrip())]
        if last.rstrip().endswith((":", "{", "(", "[", "=>", "->")):
            indent += unit("".join(document.lines)[-SAMPLE:]) or "    "
        head += ending + indent
    return _at_end(request, row, head, rest)


def _at_end(request: CompletionRequest, row: int, head: str, rest: str) -> CompletionRequest:
    written = split(head)
    lines = (
        *request.document.lines[:row],
        *written[:-1],
        written[-1] + rest,
        *request.document.lines[row + 1 :],
    )
    return replace(
        request,
        document=replace(request.document, lines=lines),
        line=row + len(written) - 1,
        column=len(written[-1]),
        trigger=Trigger.AUTOMATIC,
        popup=None,
    )


class ReadAhead:
    """Lets the engine read what is around the cursor once it rests and the engine has nothing to do."""

    def __init__(self, scheduler: Scheduler, done: Callable[[int], None]) -> None:
        """`done` is told how many tokens were read."""
        self._scheduler, self._done = scheduler, done
        self._timer: asyncio.TimerHandle | None = None
        self._job: Job[None] | None = None

    def soon(
        self, request: CompletionRequest, model: Callable[[], LoadedModel | None], settings: Settings
    ) -> None:
        """Read what a request would ask, in a while, unless another place is to be read by then."""
        self.cancel()
        if self._job:
            self._scheduler.cancel(self._job)
        self._timer = asyncio.get_running_loop().call_later(REST, self._read, request, model, settings)

    def cancel(self) -> None:
        """Read nothing."""
        if self._timer:
            self._timer.cancel()

    def _read(
        self, request: CompletionRequest, model: Callable[[], LoadedModel | None], settings: Settings
    ) -> None:
        ready = model()
        if ready is None:
            return
        if not self._scheduler.idle:
            self.soon(request, model, settings)
            return

        usage = Usage()

        def work(token: CancelToken) -> None:
            with contextlib.suppress(Cancelled, SlmLspError):
                prefill(ready, request, settings, token, usage)

        self._job = self._scheduler.submit(request.document.uri, work, background=True)
        self._job.done.add_done_callback(lambda _: self._done(usage.prefilled))
