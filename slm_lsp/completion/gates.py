"""Gates: places where nothing is to be suggested, found before any work is done.

Those that need the line alone are looked at on the event loop, those that need the syntax where it is parsed.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from slm_lsp.completion.filters.base import PROSE
from slm_lsp.completion.request import CompletionRequest, Reason, Trigger
from slm_lsp.config import Settings
from slm_lsp.context.syntax import Region

DATA = frozenset(("json", "jsonc", "yaml", "toml", "css", "scss", "less"))
"""Languages in which strings are what is written."""

ASKED = 4
"""How many times `maxFileSize` a file may have where the user asks."""

_CLOSABLE = re.compile(r"""\s*[)>}\]"'`]*\s*[:{;,]?\s*""")
_CLOSERS = frozenset(")]};")


class Gate(Protocol):
    """Says where nothing is to be suggested by itself; who asks passes."""

    @property
    def reason(self) -> Reason:
        """What the user is told."""

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """Whether nothing is to be suggested here."""


class FileTooLong:
    """The document has more characters than the setting allows; `ASKED` times that if the user asked."""

    reason = Reason.FILE_TOO_LONG

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """See `Gate.shut`."""
        most = settings.max_file_size * (ASKED if request.trigger is Trigger.INVOKED else 1)
        return sum(map(len, request.document.lines)) > most


class Selection:
    """Text is selected: what is typed next replaces it."""

    reason = Reason.SELECTION

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """See `Gate.shut`."""
        return request.selecting


class PopupDisagrees:
    """The popup's selected entry would change what is typed, so that no suggestion can go on from both."""

    reason = Reason.POPUP_DISAGREES

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """See `Gate.shut`."""
        if request.popup is None:
            return False
        line, _, _ = _line(request)
        typed = line[request.popup.start : request.column]
        return not request.popup.text.lower().startswith(typed.lower())


class MidWord:
    """The cursor stands between two characters of a word."""

    reason = Reason.MID_WORD

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """See `Gate.shut`."""
        _, head, rest = _line(request)
        return bool(head and rest) and _in_word(head[-1]) and _in_word(rest[0])


class RestOfLine:
    """Behind the cursor stands more than what closes brackets, quotes and statements."""

    reason = Reason.REST_OF_LINE

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """See `Gate.shut`."""
        return _CLOSABLE.fullmatch(_line(request)[2]) is None


class AfterCloser:
    """The cursor stands right after a closing bracket or a semicolon: something was just finished."""

    reason = Reason.AFTER_CLOSER

    def shut(self, request: CompletionRequest, settings: Settings) -> bool:
        """See `Gate.shut`."""
        head = _line(request)[1]
        return head[-1:] in _CLOSERS if head else False


TOO_LONG = FileTooLong()
GATES: Sequence[Gate] = (
    TOO_LONG,
    Selection(),
    PopupDisagrees(),
    MidWord(),
    RestOfLine(),
    AfterCloser(),
)
"""The gates that need the line alone, in their order."""


def closed(request: CompletionRequest, settings: Settings) -> Reason | None:
    """Return the reason of the first gate that is shut, if there is one."""
    gates = (TOO_LONG,) if request.trigger is Trigger.INVOKED else GATES
    return next((gate.reason for gate in gates if gate.shut(request, settings)), None)


def closed_in(region: Region, language: str, trigger: Trigger, settings: Settings) -> Reason | None:
    """Return the reason why nothing is suggested in a comment or a string, if that is so."""
    if region is Region.CODE or language in PROSE:
        return None
    if region is Region.STRING and language in DATA:
        return None
    comment = region is Region.COMMENT
    choice = settings.in_comments if comment else settings.in_strings
    if choice == "on" or (choice == "invoked" and trigger is Trigger.INVOKED):
        return None
    return Reason.IN_COMMENT if comment else Reason.IN_STRING


def _line(request: CompletionRequest) -> tuple[str, str, str]:
    """Return the cursor's line without its ending, and its two parts."""
    line, column = request.document.clamp(request.line, request.column)
    end = request.popup.end if request.popup else column
    text = request.document.lines[line].rstrip("\r\n")
    return text, text[:column], text[max(column, end) :]


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
