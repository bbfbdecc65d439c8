"""One client's session: what is open, what is set, and the service that answers."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidRequest
from pygls.lsp.server import LanguageServer

from slm_lsp import __version__
from slm_lsp.completion.events import Event
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import Loading
from slm_lsp.lsp.client import Client
from slm_lsp.lsp.documents import Documents
from slm_lsp.lsp.folders import Folders
from slm_lsp.lsp.lifecycle import outlive
from slm_lsp.lsp.progress import STATUS, LoadingProgress
from slm_lsp.lsp.protocol import Protocol
from slm_lsp.lsp.settings import Configuration
from slm_lsp.lsp.statistics import Statistics
from slm_lsp.statistics.store import Store
from slm_lsp.text.positions import Encoding

log = logging.getLogger(__name__)

ServiceFactory = Callable[[Callable[[Loading], None]], CompletionService]
"""Makes the service, given whom to tell of the model's loading."""

ALL_NOTEBOOKS = types.NotebookDocumentSyncOptions([types.NotebookDocumentFilterWithNotebook("*")])


class Server(LanguageServer):
    """The state of one session; the event loop alone touches it.

    `model`, if given, is served whatever the client's settings say. `token`, if given, is what the client
    must give in the `initializationOptions` before anything else is answered.
    """

    protocol: Protocol

    def __init__(
        self, service_factory: ServiceFactory, model: str | None = None, token: str | None = None
    ) -> None:
        super().__init__(
            "slm-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=ALL_NOTEBOOKS,
            protocol_cls=Protocol,
        )
        self.client = Client()
        self.documents = Documents(Encoding.UTF16)
        self.configuration = Configuration(self, model)
        self.service = service_factory(LoadingProgress(self).announce)
        self.service.on_notice = self._notice
        self.statistics = Statistics(self._text_of, None)
        self.folders = Folders(self)
        self.left, self.admitted = asyncio.Event(), asyncio.Event()
        self._token = token
        if token is None:
            self.admitted.set()
        self._watch: asyncio.Task[None] | None = None

    def admit(self, options: Any) -> None:
        """Let a client in that gives the token, and leave it otherwise.

        Raises:
            JsonRpcInvalidRequest: the token is missing or wrong.
        """
        if self._token is None:
            return
        given = options.get("token") if isinstance(options, dict) else None
        if isinstance(given, str) and hmac.compare_digest(given.encode(), self._token.encode()):
            self.admitted.set()
            return
        self.leave()
        raise JsonRpcInvalidRequest(
            "The server's token is missing in `initializationOptions.token`, or wrong."
        )

    def begin(self, params: types.InitializeParams) -> None:
        """Start the session with what ``initialize`` brought."""
        self.client = Client.of(params.capabilities)
        encoding = types.PositionEncodingKind(self.workspace.position_encoding)
        self.documents = Documents(Encoding(encoding.value))
        self.configuration.initialize(params.initialization_options)
        if params.process_id is not None:
            watch = outlive(params.process_id, self.leave)
            self._watch = asyncio.get_running_loop().create_task(watch)

    def suit(self, capabilities: types.ServerCapabilities) -> None:
        """Take out of the capabilities what this client had better not use.

        A client that shows inline completions would ask twice at each key, and the second request, for
        the popup, would cancel the first.
        """
        if self.client.inline_completion and not self.configuration.settings.completion_popup:
            capabilities.completion_provider = None

    def tell_status(self) -> None:
        """Tell a client that wants to know how the model is, and for how many seconds it is snoozed."""
        if self.client.status:
            loading = self.service.loading
            told = {
                "state": loading.state.value,
                "fraction": round(loading.fraction, 3),
                "message": loading.message,
                "model": self.service.settings.model,
                "snoozed": round(self.service.snoozed),
            }
            self.protocol.notify(STATUS, told)

    def count(self) -> None:
        """Count from now on what becomes of suggestions, if the settings allow it."""
        if not self.configuration.settings.statistics:
            return
        self.statistics = Statistics(self._text_of, Store())
        self.statistics.start()

        def happened(event: Event) -> None:
            self.statistics.happened(event)
            self.service.acceptance = self.statistics.acceptance

        self.service.journal.on_event = happened

    def leave(self) -> None:
        """End the session."""
        self.left.set()

    def _text_of(self, uri: str) -> str | None:
        document = self.documents.get(uri)
        return "".join(document.snapshot().lines) if document else None

    def _notice(self, text: str) -> None:
        self.window_log_message(types.LogMessageParams(types.MessageType.Warning, f"slm-lsp: {text}"))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an error that no reply can carry; pygls would pop it up in the editor."""
        log.error("%s", error)
