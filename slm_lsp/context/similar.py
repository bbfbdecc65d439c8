"""Code like that at the cursor: windows of open and lately visited files and of the workspace.

A window's likeness is the sum of the words that it shares with the lines around the cursor, each weighed by
how rare it is in the workspace and how near to the cursor it stands, over the square root of the window's own
words. What was visited lately and what is near in the tree of folders is worth a little more.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

from slm_lsp.context.definitions import Shown
from slm_lsp.context.index import PLACE_LINES, Index
from slm_lsp.context.languages import comment, relatives
from slm_lsp.context.sources import read
from slm_lsp.context.walk import nearness
from slm_lsp.context.words import words
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Part, Snippet

WINDOW, STEP = 12, 4
"""Lines of a window, and between the beginnings of two."""

LONGEST = 480
"""Characters of a window without its indentation, some 160 tokens: of longer lines it has fewer."""

ABOVE, BELOW = 14, 6
"""Lines around the cursor that windows are compared with."""

HALVED = 4
"""Lines from the cursor at which a word counts for half."""

LEAST_WORDS = 3
"""Words that a window has in common with the code at the cursor, or it is no help."""

SMALL = 8
"""Words that are added to a window's, so that a few lines are no better for being few."""

RECENT, CLOSE = 0.2, 0.2
"""What it is worth to be in the file visited last, and in the same folder."""

STAYS = 1.5
"""A window that is shown gives way to one that is this many times as like: to read another one takes time."""

REPEATS = 0.6
"""The share of a window's lines that stand at the cursor already, from which on it is dropped."""

SEEN = 45
"""Lines above the cursor, and a third of it below, within which the file itself is shown anyway."""

FAR_BETTER = 1.5
"""A file's second window is taken if it is this many times as like as the best of the next file."""

PLACES, MOST = 12, 6
"""Places that the index is asked for, and windows that are returned."""


@dataclass(frozen=True, slots=True)
class _Window:
    path: Path
    language: str
    line: int
    text: str
    likeness: float
    source: str
    key: str


def similar(
    own: Snapshot,
    line: int,
    called: Sequence[str],
    kept: Container[str],
    others: Sequence[Snapshot],
    visited: Sequence[Path],
    indexes: Sequence[Index],
    shown: Shown,
) -> list[Snippet]:
    """Return windows of code like that around a line on which names are `called`, best first.

    `kept` are the keys of the windows that are shown already, `others` the other open buffers, `visited` the
    paths of the files that were looked at, the latest first.
    """
    asked = _asked(own.lines, line, called)
    if len(asked) < LEAST_WORDS:
        return []
    languages = relatives(own.language)
    texts = {one.path: one for one in others if one.path and one.language in languages}
    places = []
    for index in indexes:
        found, rarity = index.similar(asked, languages, PLACES)
        asked = {word: near * rarity.get(word, 1.0) for word, near in asked.items()}
        places += found
    # Counted from the end, so that what is below stays what it is while lines are written.
    below = len(own.lines) - (len(own.lines) - line - SEEN // 3) // STEP * STEP
    windows = [
        *_windows(own, asked, range(0, max(0, line - SEEN)), "this file", shown),
        *_windows(own, asked, range(below, len(own.lines)), "this file", shown),
    ]
    for snapshot in texts.values():
        windows += _windows(snapshot, asked, range(len(snapshot.lines)), "open buffer", shown)
    for place in places:
        if place.path in texts or place.path == own.path:
            continue
        if lines := _lines(place.path):
            snapshot = Snapshot(place.path.as_uri(), place.language, 0, lines, place.path)
            end = place.line + PLACE_LINES
            windows += _windows(snapshot, asked, range(place.line, end), "index", shown)
    around = own.lines[max(0, line - SEEN) : line + SEEN // 3]
    near = {text.strip() for text in around if text.strip()}
    windows = [replace(one, likeness=STAYS * one.likeness) if one.key in kept else one for one in windows]
    best = _best_of_files(windows, near)
    return [_snippet(one, score, shown) for score, one in _fused(best, visited, own.path)][:MOST]


def _asked(lines: Sequence[str], line: int, called: Sequence[str]) -> dict[str, float]:
    """Return the words around a line, and how much each counts for its nearness."""
    asked = dict.fromkeys(words(" ".join(called)), 1.0)
    for at in range(max(0, line - ABOVE), min(len(lines), line + BELOW + 1)):
        if at != line:
            weight = 1 / (1 + abs(at - line) / HALVED)
            for word in words(lines[at]):
                asked[word] = max(asked.get(word, 0.0), weight)
    return asked


def _windows(
    snapshot: Snapshot, asked: Mapping[str, float], place: range, source: str, shown: Shown
) -> Iterator[_Window]:
    if snapshot.path is None:
        return
    path = shown(snapshot.path)
    stop = min(place.stop, len(snapshot.lines))
    starts = range(place.start, max(place.start + 1, stop - WINDOW + STEP), STEP)
    steps = {at: words("".join(snapshot.lines[at : at + STEP])) for at in range(place.start, stop, STEP)}
    sizes = {at: len(snapshot.lines[at].strip()) for at in range(place.start, stop)}
    for start in starts:
        end = min(start + WINDOW, stop)
        while end - start > STEP and sum(map(sizes.__getitem__, range(start, end))) > LONGEST:
            end -= STEP
        there = set[str]().union(*(steps[at] for at in range(start, end, STEP)))
        shared = there & asked.keys()
        if len(shared) >= LEAST_WORDS:
            likeness = sum(asked[word] for word in sorted(shared)) / sqrt(SMALL + len(there))
            text = "".join(snapshot.lines[start:end]).replace("\r\n", "\n").strip("\r\n")
            key = f"{path}:{text}"
            yield _Window(snapshot.path, snapshot.language, start, text, likeness, source, key)


def _repeats(window: _Window, near: set[str]) -> bool:
    lines = [line.strip() for line in window.text.split("\n") if line.strip()]
    return not lines or sum(line in near for line in lines) / len(lines) > REPEATS


def _best_of_files(windows: Sequence[_Window], near: set[str]) -> list[_Window]:
    """Keep the best window of each file, and a second one if it is far better than any of the other files.

    Those that repeat what is `near` are none of them.
    """
    best: dict[Path, _Window] = {}
    ranked = sorted(windows, key=lambda one: (-one.likeness, str(one.path), one.line))
    ranked = [one for one in ranked if not _repeats(one, near)]
    for one in ranked:
        best.setdefault(one.path, one)
    kept = list(best.values())
    for one in ranked:
        rivals = [rival.likeness for path, rival in best.items() if path != one.path]
        apart = all(abs(one.line - each.line) >= WINDOW for each in kept if each.path == one.path)
        if rivals and apart and one.likeness > FAR_BETTER * max(rivals):
            kept.append(one)
    return kept


def _fused(
    windows: Sequence[_Window], visited: Sequence[Path], own: Path | None
) -> list[tuple[float, _Window]]:
    recency = {path: 1 / (1 + rank) for rank, path in reversed(list(enumerate(visited)))}
    scores = [
        one.likeness
        * (1 + RECENT * recency.get(one.path, 0.0))
        * (1 + CLOSE * (nearness(one.path, own) if own else 0.0))
        for one in windows
    ]
    return sorted(
        zip(scores, windows, strict=True),
        key=lambda entry: (-entry[0], str(entry[1].path), entry[1].line),
    )


def _lines(path: Path) -> tuple[str, ...]:
    text = read(path)
    return tuple(split(text)) if text else ()


def _snippet(one: _Window, score: float, shown: Shown) -> Snippet:
    path = shown(one.path)
    marks = comment(one.language) or ("#", "")
    return Snippet(Part.SIMILAR, path, marks, one.key, one.text, round(score, 5), one.source)
