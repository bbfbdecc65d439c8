"""The workspace's index: what its files define, and which words stand where. One SQLite file for each root.

Words are looked up in an inverted index (SQLite's FTS5, without the texts). A word that stands in more than
`COMMON` places tells nothing, and would cost most of the time; such words are left out of every question.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import log as ln
from pathlib import Path
from threading import Lock

from slm_lsp.context.symbols import Outline, Symbol
from slm_lsp.context.words import words

VERSION = 3
"""Of the tables and of what stands in them; another version's file is made anew."""

PLACE_LINES = 40
"""Lines of a place that words are looked up to."""

COMMON = 1000
"""Places from which on a word tells nothing."""

ASKED = 14
"""Words of a question that places are looked up by: the rarest and nearest."""

WORN, WORN_PLACES = 4, 10_000
"""An index is made anew once this many times its places, and at least so many, have been written to it."""

BUSY = 5.0
"""Seconds to wait for another process that makes the same index."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value);
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, language TEXT NOT NULL, mtime INTEGER, size INTEGER
);
CREATE TABLE symbols (
    file INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL,
    signature TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL
);
CREATE INDEX symbols_by_name ON symbols (name);
CREATE INDEX symbols_by_file ON symbols (file, owner);
CREATE TABLE places (id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, line INTEGER NOT NULL);
CREATE INDEX places_by_file ON places (file);
CREATE TABLE common (word TEXT PRIMARY KEY);
CREATE VIRTUAL TABLE words USING fts5 (
    text, content='', detail=none, columnsize=0, tokenize="unicode61 tokenchars '_'"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
"""


class Outdated(Exception):
    """An index that is whole, and is made anew all the same."""


def damaged(error: Exception) -> bool:
    """Whether an error says that the file is not, or not any more, what was written to it."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (
        # The low byte is the kind of error, the others say which of its kind.
        code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        or code
        in (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_READONLY_DBMOVED)
    )


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


def location(folder: Path, root: Path) -> Path:
    """Return the index file of a root; the roots are told apart by a hash of their paths."""
    return folder / f"{hashlib.sha256(bytes(root)).hexdigest()[:24]}.sqlite"


def root_of(file: Path) -> Path | None:
    """Return the root of an index file; None if it is damaged."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (root,) = connection.execute("SELECT value FROM meta WHERE key = 'root'").fetchone()
    except (sqlite3.Error, TypeError):
        return None
    return Path(os.fsdecode(root))


class Index:
    """The index of the files below a root. One thread may write while others ask.

    Raises:
        sqlite3.Error: from any method, if the file is damaged or the disk is full.
    """

    def __init__(self, file: Path, root: Path) -> None:
        self.root, self._file = root, file
        self._writing, self._asking = Lock(), Lock()
        self._common: set[str] = set()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer = self._open()
        self._reader = sqlite3.connect(file, check_same_thread=False)
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

    def renew(self) -> None:
        """Make the index anew, empty: its file is damaged or gone."""
        with self._writing, self._asking:
            self._writer.close()
            self._reader.close()
            self._unlink()
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writer = self._checked()
            self._reader = sqlite3.connect(self._file, check_same_thread=False)
            self._common = set()

    def _open(self) -> sqlite3.Connection:
        """Open the file for writing; make it anew if it is another version's, or damaged."""
        try:
            return self._checked()
        except (Outdated, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.DatabaseError) and not damaged(error):
                raise  # another process writes, or the disk is full: nothing is wrong with the file
            self._unlink()
            return self._checked()

    def _unlink(self) -> None:
        for end in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)

    def _checked(self) -> sqlite3.Connection:
        self._file.touch(mode=0o600)
        connection = sqlite3.connect(self._file, check_same_thread=False)
        try:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            if not _made(connection):
                with connection:
                    # Of two processes that begin at once the second finds what the first has made.
                    connection.execute("BEGIN IMMEDIATE")
                    if not _made(connection):
                        for statement in _SCHEMA.split(";"):
                            connection.execute(statement)
                        meta = [("version", VERSION), ("root", os.fsencode(self.root))]
                        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            _check(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let others ask while one writes. SQLite does not wait for this as it does for all else."""
    end = time.monotonic() + BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _made(connection: sqlite3.Connection) -> bool:
    """Whether there are tables in a database."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _check(connection: sqlite3.Connection) -> None:
    """Raise `Outdated` for another version's index, or one full of what is gone."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if row != (VERSION,):
        raise Outdated("another version's index")
    last, count = connection.execute("SELECT coalesce(max(id), 0), count(*) FROM places").fetchone()
    if last > WORN_PLACES and last > WORN * count:
        raise Outdated("a worn index")


def _escaped(path: str) -> str:
    """Return a path as a pattern of SQL's `LIKE`, with the backslash as its escape."""
    return path.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
