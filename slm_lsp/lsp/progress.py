"""What goes on in the background, shown as work-done progress: the loading of the model, and indexing."""

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from slm_lsp.completion.warm import Loading, State

if TYPE_CHECKING:
    from slm_lsp.lsp.session import Server

log = logging.getLogger(__name__)

STATUS = "slm-lsp/status"
"""The notification, of our own, that tells a client how the model is whenever that changes."""


@dataclass(frozen=True, slots=True)
class News:
    """What is being done, how far it is (0 to 1), and whether that was the last of it."""

    message: str
    fraction: float
    last: bool


class WorkProgress:
    """Shows news of some work, to clients that can show progress."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._refused = False

    def announce(self, news: News) -> None:
        """Take news; called on the event loop."""
        if not self._server.client.progress or self._refused:
            return
        self._news.put_nowait(news)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._show())

    async def _show(self) -> None:
        token, progress = str(uuid.uuid4()), self._server.work_done_progress
        try:
            await progress.create_async(token)
        except JsonRpcException as error:
            log.debug("the client wants no progress: %s", error)
            self._refused = True
            return
        news = await self._news.get()
        progress.begin(
            token,
            types.WorkDoneProgressBegin(
                title="slm-lsp", message=news.message, percentage=_percent(news), cancellable=False
            ),
        )
        try:
            while not news.last:
                news = await self._news.get()
                report = types.WorkDoneProgressReport(message=news.message, percentage=_percent(news))
                progress.report(token, report)
        finally:
            progress.end(token, types.WorkDoneProgressEnd(message=news.message))
            progress.tokens.pop(token, None)  # pygls never does


class LoadingProgress:
    """Shows news of the model's loading.

    Clients that want `STATUS` are told by it, others that can show progress by that; they are shown a
    failure as a message. What is alarming is shown to all.
    """

    def __init__(self, server: "Server") -> None:
        self._server, self._work = server, WorkProgress(server)

    def announce(self, news: Loading) -> None:
        """Take news of the model; called on the event loop."""
        if news.alarming:
            message = types.ShowMessageParams(types.MessageType.Warning, f"slm-lsp: {news.message}")
            self._server.window_show_message(message)
        if self._server.client.status:
            self._server.tell_status()
            return
        if news.state is State.FAILED:
            message = types.ShowMessageParams(types.MessageType.Error, f"slm-lsp: {news.message}")
            self._server.window_show_message(message)
        elif news.state is State.READY:
            log.info("%s", news.message)
        self._work.announce(News(news.message, news.fraction, news.state is not State.LOADING))


def _percent(news: News) -> int:
    return round(100 * min(max(news.fraction, 0.0), 1.0))
