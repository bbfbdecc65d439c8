"""What was typed between two states of a document."""

from slm_lsp.completion.cache import AUTO_CLOSED
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.text.snapshot import Snapshot

REACH = 60
"""Lines on each side of the cursor that must be as they were."""


def typed_since(asked: CompletionRequest, now: Snapshot) -> str | None:
    """Return what was typed at a request's cursor to make a document what it is now; None if more changed.

    Brackets and quotes that an editor closed by itself are part of it.
    """
    old = asked.document
    row, column = old.clamp(asked.line, asked.column)
    last = row + len(now.lines) - len(old.lines)
    if now.uri != old.uri or last < row:
        return None
    start = max(0, row - REACH)
    if now.lines[start:row] != old.lines[start:row]:
        return None
    if now.lines[last + 1 : last + 1 + REACH] != old.lines[row + 1 : row + 1 + REACH]:
        return None
    head, rest = old.lines[row][:column], old.lines[row][column:]
    text = "".join(now.lines[row : last + 1])
    if not (text.startswith(head) and text.endswith(rest)) or len(text) < len(head) + len(rest):
        return None
    return text[len(head) : len(text) - len(rest)]


def agrees(typed: str, written: str) -> bool:
    """Whether a text that is still being written may be what was typed, as far as both go."""
    bare = typed.rstrip("".join(AUTO_CLOSED))
    return any(written.startswith(one) or one.startswith(written) for one in (typed, bare))
