"""``workspace/executeCommand``: the server's state, the reason of an answer, and acceptance."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import psutil
from pygls.exceptions import JsonRpcInvalidParams

from slm_lsp import __version__
from slm_lsp.config import camel
from slm_lsp.lsp.convert import ACCEPTED
from slm_lsp.lsp.session import Server


def status(ls: Server, *arguments: Any) -> dict[str, Any]:
    """Return the model and its state, the process's resident memory in bytes, and the counters."""
    _check(arguments, 0, "`slm-lsp.status` takes no argument.")
    service, engine = ls.service, ls.service.engine
    return {
        "version": __version__,
        "state": service.loading.state.value,
        "message": service.loading.message,
        "model": service.settings.model,
        "device": engine.device if engine else None,
        "engine": _camel(asdict(engine)) if engine else None,
        "memory": psutil.Process().memory_info().rss,
        "counters": {
            "requests": service.counters.requests,
            "shown": service.counters.shown,
            "accepted": service.counters.accepted,
            "prefilled": service.counters.prefilled,
            "decoded": service.counters.decoded,
            "reasons": dict(service.counters.reasons),
        },
    }


def why(ls: Server, *arguments: Any) -> dict[str, Any] | None:
    """Return how the last request for a document was answered; null if there was none."""
    uri = _text(arguments, "`slm-lsp.why` takes one argument: the document's URI.")
    result = ls.service.why(uri)
    if result is None:
        return None
    return {
        "uri": uri,
        "model": result.model,
        "items": len(result.items),
        "reason": result.reason.value if result.reason else None,
        "stages": [asdict(stage) for stage in result.stages],
        "usage": _camel(asdict(result.usage)),
    }


def accepted(ls: Server, *arguments: Any) -> None:
    """Take note that the user accepted an item."""
    _text(arguments, f"`{ACCEPTED}` takes one argument: the item's id.")
    ls.service.accepted()


COMMANDS: dict[str, Callable[..., Any]] = {
    "slm-lsp.status": status,
    "slm-lsp.why": why,
    ACCEPTED: accepted,
}


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
