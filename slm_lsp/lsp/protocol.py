"""JSON-RPC as pygls speaks it, made strict: whatever a client sends, each request gets exactly one reply."""

import json
import logging
from collections.abc import Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import cattrs
from lsprotocol import types
from pygls import exceptions
from pygls.exceptions import JsonRpcException
from pygls.protocol import JsonRPCResponseMessage, LanguageServerProtocol, lsp_method

if TYPE_CHECKING:
    from slm_lsp.lsp.session import Server

log = logging.getLogger(__name__)

OWN_METHODS = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)
"""Methods that pygls would apply to a workspace of its own too, whose lines are not those of the protocol."""


class Protocol(LanguageServerProtocol):
    """Checks messages before pygls acts on them, and answers what pygls leaves unanswered.

    pygls drops a request whose parameters don't fit, or that comes after ``shutdown``; it sends tracebacks
    to the client and writes parameters, which hold the user's text, to the log.
    """

    _server: "Server"

    def _register_builtin_features(self) -> None:
        super()._register_builtin_features()  # type: ignore[no-untyped-call]
        for method in (*OWN_METHODS, types.WINDOW_WORK_DONE_PROGRESS_CANCEL):
            # Nothing that we show can be cancelled, and pygls fails at a token that is none.
            del self.fm.builtin_features[method]

    @property
    def shut_down(self) -> bool:
        """Whether the client has asked for the shutdown."""
        return self._shutdown

    def take(self, body: bytes) -> None:
        """Take a message as it came: whatever it is, the next one can be taken after it."""
        try:
            message = json.loads(body.decode())
        except (ValueError, RecursionError):
            log.warning("a message was ignored: it is no JSON in UTF-8")
            self._refuse(None, exceptions.JsonRpcParseError("The message is no JSON in UTF-8."))
            return
        try:
            self.handle_message(message)
        except Exception:
            log.exception("a message could not be handled")

    def handle_message(self, message: Any) -> None:
        """Take one decoded JSON message."""
        try:
            structured = self._structured(message)
        except JsonRpcException as error:
            if isinstance(message, dict) and "method" in message and "id" in message:
                self._refuse(message["id"], error)
            elif isinstance(error, exceptions.JsonRpcMethodNotFound):
                log.debug("%s", error)
            else:
                log.warning("a message was ignored: %s", error)
        else:
            if structured is not None:
                super().handle_message(structured)

    def _refuse(self, identifier: Any, error: JsonRpcException) -> None:
        identifier = identifier if isinstance(identifier, int | str) else None
        self._send_data({"jsonrpc": self.VERSION, "id": identifier, "error": error.to_response_error()})

    def _structured(self, message: Any) -> Any:
        """Return the message as its lsprotocol type; None for one that needs no handling.

        Raises:
            JsonRpcException: it has no type, or is not expected now.
        """
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            raise exceptions.JsonRpcInvalidRequest("This is no JSON-RPC 2.0 message.")
        if "method" not in message:
            return self._response(message)
        method, is_request = message["method"], "id" in message
        if not isinstance(method, str) or (is_request and not isinstance(message["id"], int | str)):
            raise exceptions.JsonRpcInvalidRequest(
                "The method must be a text, and the id a text or a number."
            )
        self._check_turn(method)
        if method != types.CANCEL_REQUEST:
            self._get_handler(method)  # raises JsonRpcMethodNotFound
        kind = self.get_message_type(method)
        if kind is None or is_request != ("id" in kind.__annotations__):
            raise exceptions.JsonRpcInvalidRequest(
                f"`{method}` is a {'notification' if is_request else 'request'}."
            )
        structured = self._structure(message, kind, method)
        if method == types.INITIALIZE:
            self._server.admit(structured.params.initialization_options)
        if method == types.CANCEL_REQUEST and not self._is_open(structured.params.id):
            return None
        return structured

    def _is_open(self, identifier: Any) -> bool:
        """Whether a request of the client's, not one of ours, still waits for its reply."""
        if not isinstance(identifier, int | str):
            return False
        return identifier in self._request_futures and identifier not in self._result_types

    def _response(self, message: dict[str, Any]) -> Any:
        identifier = message.get("id")
        if not isinstance(identifier, str) or identifier not in self._result_types:
            raise exceptions.JsonRpcInvalidRequest("This is a response to nothing that was asked.")
        kind = self._result_types.pop(identifier) or JsonRPCResponseMessage
        kind = types.ResponseErrorMessage if "error" in message else kind
        try:
            return self._structure(message, kind, "a response")
        except JsonRpcException as error:
            # Whoever waits for the response must not wait for ever.
            return types.ResponseErrorMessage(id=message.get("id"), error=error.to_response_error())

    def _check_turn(self, method: str) -> None:
        if method == types.EXIT:
            return
        if self._shutdown:
            raise exceptions.JsonRpcInvalidRequest("The server is shutting down.")
        if method == types.INITIALIZE and self._workspace is not None:
            raise exceptions.JsonRpcInvalidRequest("The server is initialized already.")
        if method != types.INITIALIZE and self._workspace is None:
            raise exceptions.JsonRpcServerNotInitialized("Send `initialize` first.")

    def _structure(self, message: dict[str, Any], kind: type[Any], what: str) -> Any:
        try:
            return self._converter.structure(message, kind)
        except Exception as error:
            # cattrs names the place and the type it wants there, never the value, which may be user code.
            places = cattrs.transform_error(error, "$")
            raise exceptions.JsonRpcInvalidParams(
                f"`{what}` came with bad parameters: {'; '.join(places)}."
            ) from error

    def _send_handler_result(self, future: "Future[Any]", *, msg_id: int | str) -> None:
        error = None if future.cancelled() else future.exception()
        if error is None:
            super()._send_handler_result(future, msg_id=msg_id)
            return
        self._request_futures.pop(msg_id, None)
        if not isinstance(error, JsonRpcException):
            log.error("a request failed", exc_info=error)
            error = exceptions.JsonRpcInternalError("The request failed; the server's log says why.")
        self._send_response(msg_id, error=error.to_response_error())

    def _check_handler_result(self, future: "Future[Any]") -> None:
        if not future.cancelled() and (error := future.exception()):
            log.error("a notification failed", exc_info=error)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Answer ``initialize``, with the capabilities that suit this client."""
        result = yield from super().lsp_initialize(params)
        self._server.suit(result.capabilities)
        return result

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]  # pygls takes plain functions too
        """Leave; the exit code tells whether ``shutdown`` came first."""
        self._server.leave()
