"""Places for suggestions, written as text with a mark where the cursor is."""

from typing import Any

from slm_lsp.completion.extent import Extent, extent
from slm_lsp.completion.filters import Place
from slm_lsp.completion.request import CompletionRequest, PopupEntry, Trigger
from slm_lsp.context.surroundings import Surroundings
from slm_lsp.context.syntax import Syntax
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot

CURSOR = "¦"


def around(marked: str) -> Surroundings:
    """The text around the cursor."""
    before, after = marked.split(CURSOR)
    return Surroundings(before, after)


def place(marked: str, language: str = "python", trigger: Trigger = Trigger.AUTOMATIC, **more: Any) -> Place:
    """The place of the cursor."""
    found = around(marked)
    kind = more.get("extent", extent(found, trigger, False, 8))
    assert isinstance(kind, Extent)
    return Place.of(found, language, trigger, kind, Syntax.of(language, found.before + found.after))


def request(
    marked: str,
    language: str = "python",
    trigger: Trigger = Trigger.AUTOMATIC,
    popup: PopupEntry | None = None,
    **more: Any,
) -> CompletionRequest:
    """A request at the cursor."""
    before, after = marked.split(CURSOR)
    above = split(before)
    document = Snapshot(more.pop("uri", "file:///a"), language, 1, tuple(split(before + after)))
    return CompletionRequest(document, len(above) - 1, len(above[-1]), trigger, popup, **more)
