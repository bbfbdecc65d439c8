"""What the user is doing: typing, snoozing, selecting text, going on from a line that was just accepted."""

import time

from slm_lsp.completion.request import CompletionItem, CompletionRequest


class Attention:
    """Keeps it; the event loop alone touches it."""

    def __init__(self) -> None:
        self._awake_at = 0.0
        self._selecting_in = ""
        self._after_line: dict[str, tuple[int, int]] = {}
        self._typed: tuple[str, int, int] | None = None

    def snooze(self, seconds: float) -> None:
        """Want no suggestion by itself for a while; 0 ends it."""
        self._awake_at = time.monotonic() + seconds

    @property
    def snoozed(self) -> float:
        """For how many seconds more no suggestion is wanted."""
        return max(0.0, self._awake_at - time.monotonic())

    def select(self, uri: str, *, selecting: bool) -> None:
        """Take note of whether text is selected in the document that has the focus."""
        self._selecting_in = uri if selecting else ""

    def selecting(self, uri: str) -> bool:
        """Whether text is selected in a document."""
        return bool(uri) and uri == self._selecting_in

    def accepted(self, request: CompletionRequest, item: CompletionItem) -> None:
        """Take note that a whole suggestion was accepted; one line ends what the user was about to write."""
        if "\n" not in item.text:
            self._after_line[request.document.uri] = (request.line, item.start + len(item.text))

    def just_accepted(self, request: CompletionRequest) -> bool:
        """Whether the cursor stands where a line was just accepted."""
        return self._after_line.get(request.document.uri) == (request.line, request.column)

    def edited(self, uri: str, line: int, column: int) -> None:
        """Take note of an edit that ends there: what was selected or accepted is no more."""
        self._typed = uri, line, column
        self._selecting_in = ""
        self._after_line.pop(uri, None)

    def asked(self) -> None:
        """Take note that something was asked: what is asked next was not asked because of the same key."""
        self._typed = None

    def just_typed(self, request: CompletionRequest) -> bool:
        """Whether the newest edit ends at a request's cursor, and nothing was asked since."""
        return self._typed == (request.document.uri, request.line, request.column)
