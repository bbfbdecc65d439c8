"""The user's last edits, as pieces of text before and after."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

from slm_lsp.text.document import LineEdit
from slm_lsp.text.snapshot import Snapshot

KEPT = 12
"""Edits that are remembered, over all documents."""

LONGEST = 12
"""Lines, before or after, of an edit that is worth showing; longer ones are new or reformatted code."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit, perhaps still going on: `removed` gave way to `inserted` at line `first` of a document."""

    uri: str
    first: int
    removed: tuple[str, ...]
    inserted: tuple[str, ...]


@dataclass(slots=True)
class _Hunk:
    uri: str
    first: int
    removed: tuple[str, ...]
    count: int
    """Lines that it is now."""


class RecentEdits:
    """Joins edits that touch one another, and remembers the last ones. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hunks: deque[_Hunk] = deque(maxlen=KEPT)

    def note(self, uri: str, edits: Iterable[LineEdit]) -> None:
        """Take edits of a document, in their order."""
        with self._lock:
            for edit in edits:
                self._note(uri, edit)

    def forget(self, uri: str) -> None:
        """Forget the edits of a document whose text is not known any more."""
        with self._lock:
            self._hunks = deque((one for one in self._hunks if one.uri != uri), KEPT)

    def latest(self, documents: Sequence[Snapshot]) -> list[Edit]:
        """Return the edits of open documents that changed something, the latest first."""
        texts = {one.uri: one.lines for one in documents}
        with self._lock:
            hunks = [one for one in reversed(self._hunks) if one.uri in texts]
        found = []
        for hunk in hunks:
            after = tuple(texts[hunk.uri][hunk.first : hunk.first + hunk.count])
            edit = _trimmed(Edit(hunk.uri, hunk.first, hunk.removed, after))
            if _worth_showing(edit):
                found.append(edit)
        return found

    def _note(self, uri: str, edit: LineEdit) -> None:
        end, delta = edit.first + len(edit.removed), len(edit.inserted) - len(edit.removed)
        touching: list[_Hunk] = []
        rest: list[_Hunk] = []
        for hunk in self._hunks:
            touches = hunk.uri == uri and hunk.first <= end and edit.first <= hunk.first + hunk.count
            (touching if touches else rest).append(hunk)
        joined = _joined(uri, edit, sorted(touching, key=lambda hunk: hunk.first))
        for hunk in rest:
            if hunk.uri == uri and hunk.first > end:
                hunk.first += delta
        self._hunks = deque([*rest, joined], KEPT)


def _joined(uri: str, edit: LineEdit, touching: list[_Hunk]) -> _Hunk:
    """Return an edit and the hunks that it touches, in the order of the text, as one."""
    before: list[str] = []
    first = at = min([edit.first, *(hunk.first for hunk in touching)])
    for hunk in touching:
        # Lines of the edit between hunks stood there before all of them.
        before += edit.removed[max(0, at - edit.first) : max(0, hunk.first - edit.first)]
        before += hunk.removed
        at = hunk.first + hunk.count
    before += edit.removed[max(0, at - edit.first) :]
    end = max(at, edit.first + len(edit.removed))
    return _Hunk(uri, first, tuple(before), end - first + len(edit.inserted) - len(edit.removed))


def _trimmed(edit: Edit) -> Edit:
    """Leave out the lines that an edit left as they were, at its beginning and its end."""
    old, new, first = list(edit.removed), list(edit.inserted), edit.first
    while old and new and old[0] == new[0]:
        del old[0], new[0]
        first += 1
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return Edit(edit.uri, first, tuple(old), tuple(new))


def _worth_showing(edit: Edit) -> bool:
    removed, inserted = "".join(edit.removed), "".join(edit.inserted)
    if removed.split() == inserted.split():
        return False
    return len(edit.removed) <= LONGEST and len(edit.inserted) <= LONGEST
