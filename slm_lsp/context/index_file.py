"""An index's file on disk: its tables, and a connection to it, made anew where it is damaged or outdated."""

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

VERSION = 3
"""Of the tables and of what stands in them; another version's file is made anew."""

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


def open_for_writing(file: Path, root: Path) -> sqlite3.Connection:
    """Open the index file of a root; make it anew if it is another version's, or damaged.

    Raises:
        sqlite3.Error: another process writes, or the disk is full: nothing is wrong with the file.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _checked(file, root)
    except (Outdated, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.DatabaseError) and not damaged(error):
            raise
        unlink(file)
        return _checked(file, root)


def open_for_reading(file: Path) -> sqlite3.Connection:
    """Open an index file that is there already."""
    return sqlite3.connect(file, check_same_thread=False)


def unlink(file: Path) -> None:
    """Delete an index file, and what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def _checked(file: Path, root: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    connection = sqlite3.connect(file, check_same_thread=False)
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
                    meta = [("version", VERSION), ("root", os.fsencode(root))]
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
