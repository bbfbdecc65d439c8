"""The workspace's index: what its files define, and which words stand where. One SQLite file for each root.

Words are looked up in an inverted index (SQLite's FTS5, without the texts). A word that stands in more than
`COMMON` places tells nothing, and would cost most of the time; such words are left out of every question.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log as ln
from pathlib import Path
from threading import Lock

from slm_lsp.context.index_file import open_for_reading, open_for_writing, unlink
from slm_lsp.context.symbols import Outline, Symbol
from slm_lsp.context.words import words

PLACE_LINES = 40
"""Lines of a place that words are looked up to."""

COMMON = 1000
"""Places from which on a word tells nothing."""

ASKED = 14
"""Words of a question that places are looked up by: the rarest and nearest."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition and the file that it is in."""

    path: Path
    language: str
    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Place:
    """Up to `PLACE_LINES` lines of a file, from `line` on, and how many rare words they share."""

    path: Path
    language: str
    line: int
    score: float


class Index:
    """The index of the files below a root. One thread may write while others ask.

    Raises:
        sqlite3.Error: from any method, if the file is damaged or the disk is full.
    """

    def __init__(self, file: Path, root: Path) -> None:
        self.root, self._file = root, file
        self._writing, self._asking = Lock(), Lock()
        self._common: set[str] = set()
        self._writer, self._reader = open_for_writing(file, root), open_for_reading(file)
        self._load_common()

    def known(self) -> dict[str, tuple[int, int]]:
        """Return time of change (ns) and size of each file, by its path below the root."""
        with self._writing:
            rows = self._writer.execute("SELECT path, mtime, size FROM files").fetchall()
        return {path: (mtime, size) for path, mtime, size in rows}

    def put(
        self, path: str, language: str, mtime: int, size: int, lines: Sequence[str], outline: Outline
    ) -> None:
        """Take a file, in place of what was known of it; `save` makes it last.

        A file without lines is known to hold nothing worth knowing.
        """
        with self._writing:
            self._forget(path)
            inserted = self._writer.execute(
                "INSERT INTO files (path, language, mtime, size) VALUES (?, ?, ?, ?)",
                (path, language, mtime, size),
            )
            file = inserted.lastrowid
            self._writer.executemany(
                "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (file, one.name, one.kind, one.owner, one.signature, one.start, one.end)
                    for one in outline.symbols
                    if not one.local
                ],
            )
            for line in range(0, len(lines), PLACE_LINES):
                text = " ".join(words("".join(lines[line : line + PLACE_LINES])))
                place = self._writer.execute("INSERT INTO places (file, line) VALUES (?, ?)", (file, line))
                self._writer.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (place.lastrowid, text))

    def remove(self, path: str) -> None:
        """Forget a file, or all files of a folder; `save` makes it last."""
        with self._writing:
            inside = self._writer.execute(
                "SELECT path FROM files WHERE path = ? OR path LIKE ? ESCAPE '\\'",
                (path, f"{_escaped(path)}/%"),
            ).fetchall()
            for (one,) in inside:
                self._forget(one)

    def empty(self) -> None:
        """Forget everything, and leave no trace of it in the file: `remove` leaves words behind."""
        with self._writing:
            for table in ("symbols", "places", "files", "common", "sqlite_sequence"):
                self._writer.execute(f"DELETE FROM {table}")
            self._writer.execute("INSERT INTO words (words) VALUES ('delete-all')")
            self._writer.commit()
            self._writer.execute("VACUUM")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def save(self) -> None:
        """Show what was written to those who ask, and keep it on disk."""
        with self._writing:
            self._writer.commit()

    def undo(self) -> None:
        """Give up what was written since it was last saved."""
        with self._writing:
            self._writer.rollback()

    def tidy(self) -> None:
        """Find out again which words are common; takes seconds in a large index."""
        with self._writing:
            found = self._writer.execute("SELECT term FROM vocabulary WHERE doc > ?", (COMMON,)).fetchall()
            self._writer.execute("DELETE FROM common")
            self._writer.executemany("INSERT INTO common VALUES (?)", found)
            self._writer.commit()
        self._load_common()

    def definitions(self, names: Iterable[str], languages: Sequence[str], most: int = 40) -> list[Defined]:
        """Return what is defined under some names in some languages, up to `most` for each name."""
        found = []
        with self._asking:
            for name in names:
                rows = self._reader.execute(
                    f"SELECT path, language, name, kind, owner, signature, start, end FROM symbols"
                    f" JOIN files ON files.id = file WHERE name = ? AND kind != 'scope'"
                    f" AND language IN ({_marks(languages)}) ORDER BY path, start LIMIT ?",
                    (name, *languages, most),
                )
                found += [self._defined(row) for row in rows]
        return found

    def members(self, path: Path, owner: str, most: int = 60) -> list[Defined]:
        """Return the members of a class, in the order of its file."""
        with self._asking:
            rows = self._reader.execute(
                "SELECT path, language, name, kind, owner, signature, start, end FROM symbols"
                " JOIN files ON files.id = file WHERE path = ? AND owner = ? ORDER BY start LIMIT ?",
                (path.relative_to(self.root).as_posix(), owner, most),
            )
            return [self._defined(row) for row in rows]

    def files(self, end: str, most: int = 100) -> list[Path]:
        """Return the files whose paths below the root are `end`, or end with it behind a slash."""
        return [self.root / path for path in self._like(end, f"%/{_escaped(end)}", most)]

    def below(self, folder: Path, most: int = 1000) -> list[Path]:
        """Return the files in a folder and in those below it, by their paths from there."""
        if not folder.is_relative_to(self.root):
            return []
        head = folder.relative_to(self.root).as_posix()
        pattern = "%" if head == "." else f"{_escaped(head)}/%"
        return [Path(path).relative_to(head) for path in self._like("", pattern, most)]

    def _like(self, path: str, pattern: str, most: int) -> list[str]:
        with self._asking:
            rows = self._reader.execute(
                "SELECT path FROM files WHERE path = ? OR path LIKE ? ESCAPE '\\' ORDER BY path LIMIT ?",
                (path, pattern, most),
            )
            return [path for (path,) in rows]

    def similar(
        self, asked: Mapping[str, float], languages: Sequence[str], most: int = 20
    ) -> tuple[list[Place], dict[str, float]]:
        """Return the places that share the most of what is asked, best first, and how rare each word is.

        Words count for what is said of them, and for their rarity: 0 for those that stand everywhere.
        """
        with self._asking:
            found = {word: self._places(word) for word in sorted(asked)}
            rarity = {word: ln(1 + COMMON / len(places)) for word, places in found.items() if places}
            rarity |= dict.fromkeys(asked.keys() & self._common, 0.0)
            weights = {word: asked[word] * rarity[word] for word, places in found.items() if places}
            scores: dict[int, float] = {}
            for word in sorted(weights, key=lambda word: (-weights[word], word))[:ASKED]:
                for place in found[word]:
                    scores[place] = scores.get(place, 0.0) + weights[word]
            best = sorted(scores, key=lambda place: (-scores[place], place))[: most * 3]
            rows = self._reader.execute(
                f"SELECT places.id, path, language, line FROM places JOIN files ON files.id = file"
                f" WHERE places.id IN ({_marks(best)}) AND language IN ({_marks(languages)})",
                (*best, *languages),
            ).fetchall()
        places = [Place(self.root / path, language, line, scores[id]) for id, path, language, line in rows]
        return sorted(places, key=lambda place: (-place.score, place.path, place.line))[:most], rarity

    def counts(self) -> tuple[int, int]:
        """Return the number of files and of definitions."""
        with self._asking:
            (files,) = self._reader.execute("SELECT count(*) FROM files").fetchone()
            (symbols,) = self._reader.execute("SELECT count(*) FROM symbols").fetchone()
        return files, symbols

    def renew(self) -> None:
        """Make the index anew, empty: its file is damaged or gone."""
        with self._writing, self._asking:
            self._writer.close()
            self._reader.close()
            unlink(self._file)
            self._writer, self._reader = open_for_writing(self._file, self.root), open_for_reading(self._file)
            self._common = set()

    def close(self) -> None:
        """Save, and let go of the file."""
        with self._writing, self._asking:
            self._writer.commit()
            self._writer.close()
            self._reader.close()

    def _places(self, word: str) -> list[int]:
        if word in self._common:
            return []
        rows = self._reader.execute(
            "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?", (f'"{word}"', COMMON)
        )
        return [place for (place,) in rows]

    def _forget(self, path: str) -> None:
        row = self._writer.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        if row:
            # The words of a place that is gone stay where they are, and lead to no place.
            for table, column in (("symbols", "file"), ("places", "file"), ("files", "id")):
                self._writer.execute(f"DELETE FROM {table} WHERE {column} = ?", row)

    def _defined(self, row: tuple[str, str, str, str, str, str, int, int]) -> Defined:
        path, language, name, kind, owner, signature, start, end = row
        return Defined(self.root / path, language, Symbol(name, kind, owner, signature, start, end))

    def _load_common(self) -> None:
        with self._asking:
            self._common = {word for (word,) in self._reader.execute("SELECT word FROM common")}


def _escaped(path: str) -> str:
    """Return a path as a pattern of SQL's `LIKE`, with the backslash as its escape."""
    return path.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
