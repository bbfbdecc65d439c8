"""The language server: which handler answers which method, and how it is started."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from lsprotocol import types

from slm_lsp.lsp.methods import (
    commands,
    completion,
    did_change,
    did_change_configuration,
    did_change_watched_files,
    did_change_workspace_folders,
    did_close,
    did_open,
    initialize,
    initialized,
    inline_completion,
    notebook_did_change,
    notebook_did_close,
    notebook_did_open,
)
from slm_lsp.lsp.session import Server, ServiceFactory
from slm_lsp.lsp.transport import serve_pipes, serve_tcp

TRIGGER_CHARACTERS = (".", "(", "[", "=", ",")
"""Where the popup asks by itself; none after which Enter is likely, as Enter would accept the entry."""


def build_server(
    service_factory: ServiceFactory, model: str | None = None, token: str | None = None
) -> Server:
    """Make a server for one session; `model` and `token` as in `Server`."""
    server = Server(service_factory, model, token)
    handlers: dict[str, Callable[..., Any]] = {
        types.INITIALIZE: initialize.initialize,
        types.INITIALIZED: initialized.initialized,
        types.TEXT_DOCUMENT_DID_OPEN: did_open.did_open,
        types.TEXT_DOCUMENT_DID_CHANGE: did_change.did_change,
        types.TEXT_DOCUMENT_DID_CLOSE: did_close.did_close,
        types.NOTEBOOK_DOCUMENT_DID_OPEN: notebook_did_open.did_open,
        types.NOTEBOOK_DOCUMENT_DID_CHANGE: notebook_did_change.did_change,
        types.NOTEBOOK_DOCUMENT_DID_CLOSE: notebook_did_close.did_close,
        types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration.did_change_configuration,
        types.WORKSPACE_DID_CHANGE_WATCHED_FILES: did_change_watched_files.did_change_watched_files,
        types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: (
            did_change_workspace_folders.did_change_workspace_folders
        ),
    }
    for method, handler in handlers.items():
        server.feature(method)(handler)
    server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=TRIGGER_CHARACTERS)
    )(completion.completion)
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(
        inline_completion.inline_completion
    )
    for name, command in commands.COMMANDS.items():
        server.command(name)(command)
    return server


def start_io(server: Server, stdin: int, stdout: int) -> int:
    """Serve over two file descriptors until the client leaves; return the exit code."""
    return _run(serve_pipes(server, stdin, stdout))


def start_tcp(server: Server, host: str, port: int, listening: Callable[[str, int], None]) -> int:
    """Serve the first client that connects, and gives the token, until it leaves; return the exit code."""
    return _run(serve_tcp(server, host, port, listening))


def _run(session: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(session)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
