"""The real process with the embedded model, driven by a real language client."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

from slm_lsp.lsp.client import Client
from slm_lsp.models.store import locate
from slm_lsp.text.document import Change, Document, Span
from slm_lsp.text.positions import Encoding
from tests.process.harness import NO_NETWORK, SERVE

pytestmark = [pytest.mark.process, pytest.mark.model]

URI = "file:///project/shapes.py"

PATIENCE = 120.0
"""Seconds that a busy machine has for a load or an answer."""

BEFORE = (
    '"""Shapes. \u2028 \f"""\r\n\r\n\r\n'
    "def area(width: float, height: float) -> float:\r\n"
    '    """Return the area of a rectangle."""\r\n'
    "    return width * height\r\n\r\n\r\n"
    "def circumference(width: float, height: float) -> float:\r\n"
    '    """Return the circumference of a rectangle."""\r\n'
)
LINE = '    note = "😀 é 漢"; return 2 * (width + '
AFTER = "\r\n\r\n\r\nprint(area(2, 3))\r\n"
AT = len(BEFORE.split("\r\n")) - 1

CAPABILITIES: dict[str, Any] = {
    "window": {"workDoneProgress": True},
    "workspace": {"configuration": True},
    "textDocument": {
        "inlineCompletion": {},
        "completion": {"completionItem": {"documentationFormat": ["markdown"], "preselectSupport": True}},
    },
}


@pytest.fixture(scope="session", autouse=True)
def _model() -> None:
    """The tests need the embedded model on disk: ``slm-lsp models pull`` fetches it."""
    locate("smollm2-135m")


async def start(command: Sequence[str], encoding: str) -> LanguageClient:
    """Start the server and open a session, with the model loaded and the document open."""
    client = await ClientServerConfig(server_command=list(command), server_env=dict(os.environ)).start()
    assert isinstance(client, LanguageClient)
    converter = client.protocol._converter
    capabilities = converter.structure(
        {**CAPABILITIES, "general": {"positionEncodings": [encoding]}}, types.ClientCapabilities
    )
    assert Client.of(capabilities).progress
    result = await client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            process_id=os.getpid(),
            root_uri=None,
            # Whatever the model writes is shown, and nothing else is asked of it.
            initialization_options={"eagerness": 100, "ahead": False},
        )
    )
    assert result.capabilities.position_encoding == encoding
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "python", 1, BEFORE + LINE + AFTER))
    )
    async with asyncio.timeout(PATIENCE):
        while (await execute(client, "slm-lsp.status"))["state"] != "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return client


async def stop(client: LanguageClient) -> None:
    """End the session; the server must end cleanly."""
    await client.shutdown_session()
    assert client._server is not None
    assert client._server.returncode == 0
    await client.stop()  # type: ignore[no-untyped-call]
    assert client.error is None
    assert client.messages == []


async def execute(client: LanguageClient, command: str, *arguments: Any) -> Any:
    params = types.ExecuteCommandParams(command, list(arguments))
    return await client.workspace_execute_command_async(params)


async def ask(
    client: LanguageClient,
    position: types.Position,
    selected: types.SelectedCompletionInfo | None = None,
) -> types.InlineCompletionItem:
    """Ask for an inline completion, which there must be."""
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic, selected)
    params = types.InlineCompletionParams(context, types.TextDocumentIdentifier(URI), position)
    result = await client.text_document_inline_completion_async(params)
    assert isinstance(result, types.InlineCompletionList)
    (item,) = result.items
    assert item.range
    assert item.range.start.line == item.range.end.line == position.line
    return item


@pytest.fixture(params=["utf-8", "utf-16", "utf-32", "no network"])
async def session(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[LanguageClient, Encoding]]:
    """A session in each position encoding, and one without any network."""
    log = tmp_path / "log"
    encoding = Encoding(request.param if request.param != "no network" else "utf-16")
    network = NO_NETWORK if request.param == "no network" else ()
    client = await start((*network, *SERVE, "--log-file", str(log)), encoding.value)
    yield client, encoding
    await stop(client)
    assert log.read_text() == ""


async def test_a_session(session: tuple[LanguageClient, Encoding]) -> None:
    client, encoding = session
    document = Document(URI, "python", 1, BEFORE + LINE + AFTER, encoding=encoding)
    cursor = types.Position(AT, encoding.units(LINE, len(LINE)))

    # Ghost text at the cursor, in this encoding's units, with the document's line endings.
    item = await ask(client, cursor)
    assert item.range == types.Range(cursor, cursor)
    assert isinstance(item.insert_text, str)
    assert item.insert_text.strip()
    assert "\n" not in item.insert_text.replace("\r\n", "")

    why = await execute(client, "slm-lsp.why", URI)
    assert {"context", "prompt", "prefill", "decode", "filters"} <= {one["name"] for one in why["stages"]}

    # Typing its first character leaves the rest as it was, and costs the engine nothing.
    edit = types.TextDocumentContentChangePartial(types.Range(cursor, cursor), item.insert_text[0])
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(2, URI), [edit])
    )
    document.apply([Change(edit.text, Span(AT, cursor.character, AT, cursor.character))], 2)
    typed = LINE + edit.text
    assert document.snapshot().lines[AT].rstrip() == typed.rstrip()
    cursor = types.Position(AT, encoding.units(typed, len(typed)))
    rest = await ask(client, cursor)
    assert rest.insert_text == item.insert_text[1:]
    why = await execute(client, "slm-lsp.why", URI)
    assert (why["items"], why["source"], why["usage"]["decoded"]) == (1, "the cache", 0)

    # With an entry of the popup selected, the item goes on from it.
    start = types.Position(AT, encoding.units(LINE, len(LINE)))
    selected = types.SelectedCompletionInfo(types.Range(start, cursor), "height")
    item = await ask(client, cursor, selected)
    assert item.range == selected.range
    assert isinstance(item.insert_text, str)
    assert item.insert_text.startswith("height")
    assert item.command
    await execute(client, item.command.command, *(item.command.arguments or ()))

    # The popup has the same, for clients without ghost text.
    result = await client.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(URI), cursor)
    )
    assert isinstance(result, types.CompletionList)
    assert result.is_incomplete
    (entry,) = result.items
    assert entry.preselect
    assert isinstance(entry.documentation, types.MarkupContent)

    status = await execute(client, "slm-lsp.status")
    assert (status["model"], status["state"]) == ("smollm2-135m", "ready")
    assert status["engine"]["parameters"] > 100_000_000
    counters = status["counters"]
    assert (counters["requests"], counters["shown"], counters["accepted"]) == (4, 4, 1)
    assert (counters["sources"], counters["reasons"]) == ({"engine": 2, "cache": 2}, {})
    (reports,) = client.progress_reports.values()
    assert isinstance(reports[0], types.WorkDoneProgressBegin)
    assert isinstance(reports[-1], types.WorkDoneProgressEnd)


async def test_a_warm_start_imports_neither_torch_nor_numba(capfd: pytest.CaptureFixture[str]) -> None:
    client = await start((sys.executable, "-X", "importtime", *SERVE[1:]), "utf-16")
    await ask(client, types.Position(AT, Encoding.UTF16.units(LINE, len(LINE))))
    await stop(client)
    imported = {line.rpartition("|")[2].strip() for line in capfd.readouterr().err.splitlines()}
    assert "tokenizers" in imported
    assert not {"torch", "transformers", "numba"} & imported
