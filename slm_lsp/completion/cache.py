"""Suggestions kept by the text around the cursor, and found again while the user types what they say.

A suggestion is indexed under each of its lines: by the lines above and below, as they will be once the lines
before it are accepted. So typing on into it, deleting back, accepting a word or a line, and coming back later
are all the same look-up. Other documents, and text further away, may change without emptying anything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cachetools import LRUCache

from slm_lsp.completion.brackets import CLOSERS
from slm_lsp.completion.request import CompletionItem, CompletionRequest, CompletionResult, Reason
from slm_lsp.text.lines import split

ABOVE, BELOW = 40, 15
"""Lines above and below the cursor's that must be the same; few prompts reach further."""

KEPT = 250
"""Suggestions kept."""

AUTO_CLOSED = frozenset((*CLOSERS, '"', "'", "`"))
"""What editors put behind the cursor when its partner is typed."""

FINAL = frozenset(
    (
        *(
            Reason.EMPTY,
            Reason.LEAK,
            Reason.CHAT,
            Reason.REPEATS_ITSELF,
            Reason.REPEATS_SUFFIX,
            Reason.SYNTAX,
        ),
        *(Reason.REPEATS_ABOVE, Reason.UNBALANCED, Reason.UNKNOWN_NAMES, Reason.TOO_SHORT, Reason.IN_COMMENT),
        *(Reason.LOW_CONFIDENCE, Reason.IN_STRING),
    )
)
"""Reasons that will be the same if the same is asked again."""

Key = tuple[str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a suggestion: what the line says with it, from which column on, and what stands behind it.

    `text` goes on to the suggestion's end. `replaces` counts the characters of `rest` that it takes the place
    of.
    """

    text: str
    least: int
    rest: str
    replaces: int
    reason: bool = False
    """Whether there is no suggestion, but a reason."""


class SuggestionCache:
    """Keeps results; the event loop alone touches it. A look-up costs no more than hashing some lines."""

    def __init__(self, kept: int = KEPT) -> None:
        self._results = _Results(kept, self._unindex)
        self._index: dict[Key, dict[int, _Line]] = {}
        self._number = 0

    def put(self, request: CompletionRequest, result: CompletionResult) -> None:
        """Keep what a request was answered, if it would be answered so again."""
        if request.popup or not (result.items or result.reason in FINAL):
            return
        self._number += 1
        keys = list[Key]()
        for key, line in _lines(request, result.items[0] if result.items else None):
            self._index.setdefault(key, {})[self._number] = line
            keys.append(key)
        self._results[self._number] = (result, keys)

    def look(self, request: CompletionRequest) -> CompletionResult | None:
        """Return what fits a request: a suggestion's remaining text, or the reason why there is none."""
        if request.popup:
            return None
        row, column = request.document.clamp(request.line, request.column)
        line = request.document.lines[row].rstrip("\r\n")
        head, rest = line[:column], line[column:]
        found = self._index.get(_key(request, row))
        for number in sorted(found or (), reverse=True):
            assert found
            one = found[number]
            if one.reason:
                if one.text == head and one.rest == rest:
                    return self._results[number][0]
                continue
            closed = len(rest) - len(one.rest)
            if (
                column >= one.least
                and len(one.text) > column
                and one.text.startswith(head)
                and rest.endswith(one.rest)
                and (closed == 0 or (closed > 0 and AUTO_CLOSED.issuperset(rest[:closed])))
            ):
                result, _ = self._results[number]
                end = column + closed + one.replaces
                item = CompletionItem(result.items[0].id, one.text[column:], column, end)
                return CompletionResult((item,), model=result.model, confidence=result.confidence)
        return None

    def clear(self) -> None:
        """Forget everything: another model would suggest something else."""
        self._results.clear()
        self._index.clear()

    def _unindex(self, number: int, keys: list[Key]) -> None:
        for key in keys:
            lines = self._index.get(key)
            if lines is not None:
                lines.pop(number, None)
                if not lines:
                    del self._index[key]


class _Results(LRUCache[int, tuple[CompletionResult, list[Key]]]):
    """The results by number, with their keys; tells of those that it lets go."""

    def __init__(self, kept: int, gone: Callable[[int, list[Key]], None]) -> None:
        super().__init__(kept)
        self._gone = gone

    def popitem(self) -> tuple[int, tuple[CompletionResult, list[Key]]]:
        """Let go of the result that was not used for the longest time."""
        number, (result, keys) = super().popitem()
        self._gone(number, keys)
        return number, (result, keys)


def _key(request: CompletionRequest, row: int) -> Key:
    lines = request.document.lines
    return request.document.uri, lines[max(0, row - ABOVE) : row], lines[row + 1 : row + 1 + BELOW]


def _lines(request: CompletionRequest, item: CompletionItem | None) -> Iterator[tuple[Key, _Line]]:
    """Yield each line of a suggestion with its key; for an answer without one the line as it is."""
    document = request.document
    row, column = document.clamp(request.line, request.column)
    whole = document.lines[row].rstrip("\r\n")
    uri, above, below = _key(request, row)
    if item is None:
        yield (uri, above, below), _Line(whole[:column], column, whole[column:], 0, True)
        return
    text = whole[: item.start] + item.text
    rest, replaces = whole[column:], item.end - column
    yield (uri, above, below), _Line(text, column, rest, replaces)
    written = split(text)
    for index in range(1, len(written)):
        window = (*above, *written[:index])[-ABOVE:]
        yield (uri, window, below), _Line("".join(written[index:]), 0, rest, replaces)
