"""The trail of the last requests: what happened to each, without anybody's text unless that is wanted."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason, Source, Stage, Trigger
from slm_lsp.engine.interface import Usage

KEPT = 100
"""Requests kept."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter did: how many characters it took off, and whether anything was left."""

    filter: str
    removed: int
    rejected: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and how it was answered; `ms` is the whole time, `texts` is empty unless texts are kept."""

    when: str
    uri: str
    language: str
    line: int
    column: int
    trigger: Trigger
    source: Source
    items: int
    reason: Reason | None
    model: str
    stages: tuple[Stage, ...]
    usage: Usage
    stop: str | None
    filters: tuple[Verdict, ...]
    confidence: float | None
    ms: float
    texts: tuple[str, ...] = ()


class Trail:
    """The last requests, the newest last."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def add(self, request: CompletionRequest, result: CompletionResult, ms: float, *, texts: bool) -> None:
        """Take note of how a request was answered."""
        self._entries.append(
            Entry(
                when=datetime.now(UTC).isoformat(timespec="milliseconds"),
                uri=request.document.uri,
                language=request.document.language,
                line=request.line,
                column=request.column,
                trigger=request.trigger,
                source=result.source,
                items=len(result.items),
                reason=result.reason,
                model=result.model,
                stages=result.stages,
                usage=result.usage,
                stop=result.draft.stop if result.draft else None,
                filters=verdicts(result),
                confidence=result.confidence,
                ms=ms,
                texts=tuple(item.text for item in result.items) if texts else (),
            )
        )

    def last(self, uri: str) -> Entry | None:
        """Return the newest entry of a document."""
        return next((entry for entry in reversed(self._entries) if entry.uri == uri), None)

    def forget(self, uri: str) -> None:
        """Drop the entries of a closed document."""
        self._entries = deque((entry for entry in self._entries if entry.uri != uri), maxlen=KEPT)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)


def verdicts(result: CompletionResult) -> tuple[Verdict, ...]:
    """Return what each filter that did something did."""
    length, found = len(result.draft.text) if result.draft else 0, list[Verdict]()
    for step in result.filtered:
        found.append(Verdict(step.filter, length - len(step.text), not step.text.strip()))
        length = len(step.text)
    return tuple(found)
