"""Code like that at the cursor: windows of open and lately visited files and of the workspace.

Windows are ranked by the Jaccard index of their words with those around the cursor, by how lately their file
was visited, and by how near it is in the tree of folders; the three rankings are fused by reciprocal ranks
(Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion", SIGIR 2009, whose k of 60 is kept).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_lsp.context.definitions import Shown
from slm_lsp.context.index import PLACE_LINES, Index
from slm_lsp.context.languages import comment, relatives
from slm_lsp.context.sources import read
from slm_lsp.context.walk import nearness
from slm_lsp.context.words import likeness, words
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Part, Snippet

WINDOW, STEP = 12, 4
"""Lines of a window, and between the beginnings of two."""

ABOVE, BELOW = 14, 6
"""Lines around the cursor that windows are compared with."""

LEAST = 0.12
"""The likeness below which a window is no help."""

REPEATS = 0.6
"""The share of a window's lines that stand at the cursor already, from which on it is dropped."""

SEEN = 60
"""Lines on each side of the cursor within which the file itself is shown anyway."""

FAR_BETTER = 1.5
"""A file's second window is taken if it is this many times as like as the best of the next file."""

PLACES, MOST = 8, 6
"""Places that the index is asked for, and windows that are returned."""

K = 60


@dataclass(frozen=True, slots=True)
class _Window:
    path: Path
    language: str
    line: int
    text: str
    likeness: float
    source: str


def similar(
    own: Snapshot,
    line: int,
    others: Sequence[Snapshot],
    visited: Sequence[Path],
    indexes: Sequence[Index],
    shown: Shown,
) -> list[Snippet]:
    """Return windows of code like that around a line, best first.

    `others` are the other open buffers, `visited` the paths of the files that were looked at, the latest
    first.
    """
    around = own.lines[max(0, line - ABOVE) : line] + own.lines[line + 1 : line + 1 + BELOW]
    asked = words("".join(around))
    if len(asked) < 4:
        return []
    languages = relatives(own.language)
    texts = {one.path: one for one in others if one.path and one.language in languages}
    windows = [
        *_windows(own, asked, range(0, max(0, line - SEEN)), "this file"),
        *_windows(own, asked, range(line + SEEN, len(own.lines)), "this file"),
    ]
    for snapshot in texts.values():
        windows += _windows(snapshot, asked, range(len(snapshot.lines)), "open buffer")
    for index in indexes:
        for place in index.similar(asked, languages, PLACES):
            if place.path in texts or place.path == own.path:
                continue
            if lines := _lines(place.path):
                snapshot = Snapshot(place.path.as_uri(), place.language, 0, lines, place.path)
                end = place.line + PLACE_LINES
                windows += _windows(snapshot, asked, range(place.line, end), "index")
    near = {text.strip() for text in own.lines[max(0, line - SEEN) : line + SEEN] if text.strip()}
    best = _best_of_files([one for one in windows if not _repeats(one, near)])
    return [_snippet(one, score, shown) for score, one in _fused(best, visited, own.path)][:MOST]


def _windows(snapshot: Snapshot, asked: set[str], place: range, source: str) -> Iterator[_Window]:
    if snapshot.path is None:
        return
    stop = min(place.stop, len(snapshot.lines))
    for start in range(place.start, max(place.start + 1, stop - WINDOW + STEP), STEP):
        lines = snapshot.lines[start : min(start + WINDOW, stop)]
        alike = likeness(words("".join(lines)), asked)
        if alike >= LEAST:
            text = "".join(lines).replace("\r\n", "\n").strip("\r\n")
            yield _Window(snapshot.path, snapshot.language, start, text, alike, source)


def _repeats(window: _Window, near: set[str]) -> bool:
    lines = [line.strip() for line in window.text.split("\n") if line.strip()]
    return not lines or sum(line in near for line in lines) / len(lines) > REPEATS


def _best_of_files(windows: Sequence[_Window]) -> list[_Window]:
    """Keep the best window of each file, and a second one if it is far better than any of the other files."""
    best: dict[Path, _Window] = {}
    ranked = sorted(windows, key=lambda one: (-one.likeness, str(one.path), one.line))
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
    recency = {path: rank for rank, path in reversed(list(enumerate(visited)))}
    scores = dict.fromkeys(windows, 0.0)
    for worth in (
        lambda one: one.likeness,
        lambda one: -float(recency.get(one.path, len(recency))),
        lambda one: nearness(one.path, own) if own else 0.0,
    ):
        values = [worth(one) for one in windows]
        # Equals share a rank.
        ranks = {value: rank for rank, value in enumerate(sorted(set(values), reverse=True))}
        for one, value in zip(windows, values, strict=True):
            scores[one] += 1 / (K + ranks[value])
    return sorted(
        ((score, one) for one, score in scores.items()),
        key=lambda entry: (-entry[0], -entry[1].likeness, str(entry[1].path), entry[1].line),
    )


def _lines(path: Path) -> tuple[str, ...]:
    text = read(path)
    return tuple(split(text)) if text else ()


def _snippet(one: _Window, score: float, shown: Shown) -> Snippet:
    path = shown(one.path)
    marks = comment(one.language) or ("#", "")
    return Snippet(Part.SIMILAR, path, marks, f"{path}:{one.line}", one.text, round(score, 5), one.source)
