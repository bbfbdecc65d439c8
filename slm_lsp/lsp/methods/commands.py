"""``workspace/executeCommand``: the server's state, the reason of an answer, its context, and acceptance."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import psutil
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from slm_lsp import __version__, network
from slm_lsp.completion.request import Reason, Trigger
from slm_lsp.completion.trail import Entry
from slm_lsp.config import camel
from slm_lsp.errors import ModelError
from slm_lsp.lsp.convert import ACCEPTED
from slm_lsp.lsp.convert import request as converted
from slm_lsp.lsp.session import Server


def status(ls: Server, *arguments: Any) -> dict[str, Any]:
    """Return the model and its state, where text goes, memory in bytes, the loop's tasks, and counters."""
    _check(arguments, 0, "`slm-lsp.status` takes no argument.")
    service, engine = ls.service, ls.service.engine
    return {
        "version": __version__,
        "state": service.loading.state.value,
        "message": service.loading.message,
        "model": service.settings.model,
        "device": engine.device if engine else None,
        "engine": _camel(asdict(engine)) if engine else None,
        "endpoint": _endpoint(ls),
        "snoozed": round(service.snoozed),
        "memory": psutil.Process().memory_info().rss,
        "network": {"allowed": network.allowed(), "refused": network.refused()},
        "tasks": len(asyncio.all_tasks()),
        "counters": {
            "requests": service.journal.counters.requests,
            "shown": service.journal.counters.shown,
            "accepted": service.journal.counters.accepted,
            "prefilled": service.journal.counters.prefilled,
            "ahead": service.journal.counters.ahead,
            "decoded": service.journal.counters.decoded,
            "rejected": service.journal.counters.rejected,
            "finished": service.journal.counters.finished,
            "sources": dict(service.journal.counters.sources),
            "reasons": dict(service.journal.counters.reasons),
        },
    }


def why(ls: Server, *arguments: Any) -> dict[str, Any] | None:
    """Return how the last request for a document was answered; null if there was none."""
    entry = ls.service.why(_text(arguments, "`slm-lsp.why` takes one argument: the document's URI."))
    return _told(entry) if entry else None


async def context(ls: Server, *arguments: Any) -> dict[str, Any]:
    """Return what the model would be shown at a position, part by part, and the whole prompt."""
    sentence = "`slm-lsp.context` takes two arguments: a document's URI, and a position in it."
    uri, position = _place(arguments, sentence)
    asked = converted(ls, types.TextDocumentIdentifier(uri), position, Trigger.INVOKED)
    if not await ls.service.permitted(asked.document):
        said = f"nothing of this file is shown: {Reason.FILE_IGNORED.value}"
        raise JsonRpcException(said, code=types.LSPErrorCodes.RequestFailed.value)
    try:
        return (await ls.service.shown(asked)).as_json()
    except ModelError as error:
        raise JsonRpcException(str(error), code=types.LSPErrorCodes.RequestFailed.value) from error


def trail(ls: Server, *arguments: Any) -> list[dict[str, Any]]:
    """Return how the last requests were answered, the newest last."""
    _check(arguments, 0, "`slm-lsp.trail` takes no argument.")
    return [_told(entry) for entry in ls.service.journal.trail]


def accepted(ls: Server, *arguments: Any) -> None:
    """Take note that the user accepted an item, or a word or a line of it."""
    sentence = (
        f"`{ACCEPTED}` takes the item's id and, if it was not accepted as a whole, `word` or `line` and the "
        "number of characters."
    )
    match arguments:
        case [str(identifier)]:
            ls.service.accepted(identifier)
        case [str(identifier), ("whole" | "word" | "line") as kind, int(characters)] if characters > 0:
            ls.service.accepted(identifier, kind, characters)
        case _:
            raise JsonRpcInvalidParams(sentence)


def rejected(ls: Server, *arguments: Any) -> None:
    """Take note that the user dismissed an item."""
    ls.service.rejected(_text(arguments, "`slm-lsp.rejected` takes one argument: the item's id."))


def snooze(ls: Server, *arguments: Any) -> None:
    """Suggest nothing by itself for some minutes; 0 ends it."""
    match arguments:
        case [(int() | float()) as minutes] if not isinstance(minutes, bool) and 0 <= minutes <= 1440:
            ls.service.snooze(60.0 * minutes)
            ls.tell_status()
        case _:
            raise JsonRpcInvalidParams("`slm-lsp.snooze` takes one argument: minutes, from 0 to 1440.")


def focus(ls: Server, *arguments: Any) -> None:
    """Take note of which document has the focus, and whether text is selected in it."""
    match arguments:
        case [str(uri), bool(selecting)]:
            ls.service.focus(uri, selecting=selecting)
        case _:
            raise JsonRpcInvalidParams(
                "`slm-lsp.focus` takes two arguments: a document's URI, and whether text is selected in it."
            )


def cursor(ls: Server, *arguments: Any) -> None:
    """Take note of where the cursor rests."""
    sentence = "`slm-lsp.cursor` takes two arguments: a document's URI, and a position in it."
    uri, position = _place(arguments, sentence)
    # Editors have the cursor in documents that are not for the server as well.
    if ls.documents.get(uri):
        identifier = types.TextDocumentIdentifier(uri)
        ls.service.rests(converted(ls, identifier, position, Trigger.AUTOMATIC))


COMMANDS: dict[str, Callable[..., Any]] = {
    "slm-lsp.status": status,
    "slm-lsp.why": why,
    "slm-lsp.trail": trail,
    "slm-lsp.context": context,
    ACCEPTED: accepted,
    "slm-lsp.rejected": rejected,
    "slm-lsp.snooze": snooze,
    "slm-lsp.focus": focus,
    "slm-lsp.cursor": cursor,
}


def _place(arguments: tuple[Any, ...], sentence: str) -> tuple[str, types.Position]:
    """Return the URI and the position that a command was given; `sentence` says what it takes."""
    match arguments:
        case [str(uri), {"line": int(line), "character": int(character)}] if line >= 0 and character >= 0:
            return uri, types.Position(line, character)
        case _:
            raise JsonRpcInvalidParams(sentence)


def _endpoint(ls: Server) -> dict[str, Any] | None:
    """Return where text goes beyond this machine, for what, and what is wrong with it; null if nowhere."""
    remote = ls.service.remote
    if remote is None or remote.breaker is None:
        return None
    info = remote.engine.info
    everything = remote.reserve is not None
    return {
        "address": info.device,
        "kind": info.backend,
        "model": info.architecture,
        "use": "everything"
        if everything
        else "what is asked for, blocks, and where the local model is unsure",
        "failure": remote.breaker.reason or None,
        "resting": remote.breaker.open,
    }


def _told(entry: Entry) -> dict[str, Any]:
    told = {
        "when": entry.when,
        "uri": entry.uri,
        "language": entry.language,
        "line": entry.line,
        "column": entry.column,
        "trigger": entry.trigger.value,
        "source": entry.source.value,
        "model": entry.model,
        "items": entry.items,
        "reason": entry.reason.value if entry.reason else None,
        "stop": entry.stop,
        "confidence": entry.confidence and round(entry.confidence, 3),
        "filters": [asdict(one) for one in entry.filters],
        "stages": [asdict(stage) for stage in entry.stages],
        "usage": _camel(asdict(entry.usage)),
        "ms": round(entry.ms, 2),
    }
    return {**told, "texts": list(entry.texts)} if entry.texts else told


def _check(arguments: tuple[Any, ...], count: int, sentence: str) -> None:
    if len(arguments) != count:
        raise JsonRpcInvalidParams(sentence)


def _text(arguments: tuple[Any, ...], sentence: str) -> str:
    _check(arguments, 1, sentence)
    if not isinstance(arguments[0], str):
        raise JsonRpcInvalidParams(sentence)
    return arguments[0]


def _camel(values: dict[str, Any]) -> dict[str, Any]:
    return {camel(name): value for name, value in values.items()}
