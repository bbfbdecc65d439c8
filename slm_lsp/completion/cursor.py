"""The cursor of a request: what a suggestion replaces, what stands around it, and what the syntax says."""

from dataclasses import dataclass

from slm_lsp.completion.extent import above_of
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.completion.stopping import indentation
from slm_lsp.context.surroundings import Surroundings, gather
from slm_lsp.context.syntax import Syntax
from slm_lsp.text.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the suggestion goes: it replaces columns `start` to `end`, and begins with `head`.

    `lead` is white space before `start` that the model may choose anew, since the editor put it there.
    """

    line: int
    start: int
    end: int
    head: str
    lead: str


def look(request: CompletionRequest, *, free: bool = True) -> tuple[Cursor, Surroundings]:
    """Find the cursor, and the text around it; if `free`, without the indentation that an editor chose."""
    line, column = request.document.clamp(request.line, request.column)
    popup = request.popup
    start, end = (popup.start, popup.end) if popup else (column, column)
    head = popup.text if popup else ""

    def around(start: int) -> Surroundings:
        return gather(request.document, line, start, end, head, request.preceding, request.following)

    found = around(start)
    lead = found.line if free and not popup and not found.line.strip() and _by_editor(found) else ""
    cursor = Cursor(line, start - len(lead), end, head, lead)
    return cursor, around(cursor.start) if lead else found


def _by_editor(around: Surroundings) -> bool:
    """Whether the indentation of a blank line is what an editor puts there, so that it binds nobody.

    One that is shallower or deeper was chosen by the user. (A dedent can't be healed: the model would have
    to write the indentation again. llama.vim generates from the first column for the same reason.)
    """
    above = above_of(around)
    if not above:
        return False
    deeper = above.rstrip().endswith((":", "{", "(", "[", "=>", "->"))
    return (
        indentation(around.line) > indentation(above)
        if deeper
        else (indentation(around.line) == indentation(above))
    )


def syntax_around(request: CompletionRequest, around: Surroundings) -> Syntax | None:
    """Return the syntax of the text around a cursor: of the tree that follows the edits, if it has."""
    document, text = request.document, around.before + around.after
    tree = request.contexts.workspace.tree(document) if request.contexts else None
    if tree and text == "".join(document.lines):
        return Syntax(document.language, text, tree)
    return Syntax.of(document.language, text)


def line_ending(document: Snapshot, line: int) -> str:
    """Return the line ending in use at a line: its own, else that of the line above, else ``\\n``."""
    for candidate in (document.lines[line], document.lines[line - 1] if line else ""):
        if ending := candidate[len(candidate.rstrip("\r\n")) :]:
            return ending
    return "\n"
