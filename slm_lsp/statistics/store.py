"""The counts on disk: one SQLite file in the state folder, shared by all servers of a user."""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from slm_lsp.errors import SlmLspError
from slm_lsp.paths import state_dir

log = logging.getLogger(__name__)

NAME = "statistics.sqlite"

PATIENCE = 5.0
"""Seconds to wait for another server that is writing."""

_TABLE = """
CREATE TABLE IF NOT EXISTS counts (
    day TEXT NOT NULL, language TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (day, language, name)
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO counts VALUES (?, ?, ?, ?)
ON CONFLICT (day, language, name) DO UPDATE SET value = value + excluded.value
"""


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """What is counted: a day in ISO format (UTC), an LSP language id, and what happened."""

    day: str
    language: str
    name: str


class Store:
    """Adds to the counts and reads them; each call opens the file, and raises `SlmLspError` if it can't."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where the counts are."""
        return self._path or state_dir() / NAME

    def add(self, counts: Mapping[Count, int]) -> None:
        """Add to the counts; a file that is damaged is put aside, and counting begins anew."""
        try:
            self._add(counts)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (
                sqlite3.SQLITE_CORRUPT,
                sqlite3.SQLITE_NOTADB,
            ):
                raise self._broken(error) from error
            aside = self.path.with_name(f"{NAME}.damaged")
            log.warning("%s is damaged (%s); it is put aside as %s", self.path, error, aside.name)
            try:
                self.path.replace(aside)
                self._add(counts)
            except (OSError, sqlite3.Error) as again:
                raise self._broken(again) from again

    def _add(self, counts: Mapping[Count, int]) -> None:
        rows = [(one.day, one.language, one.name, value) for one, value in counts.items()]
        with closing(self._open()) as database, database:
            database.executemany(_ADD, rows)

    def read(self) -> dict[Count, int]:
        """Return all counts; none if nothing was counted yet."""
        if not self.path.exists():
            return {}
        try:
            with closing(self._open()) as database:
                rows = database.execute("SELECT day, language, name, value FROM counts").fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from error
        return {Count(day, language, name): value for day, language, name, value in rows}

    def reset(self) -> None:
        """Forget all counts."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise SlmLspError(f"{self.path} can't be deleted ({error.strerror}).") from error

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=PATIENCE)
        database.execute(_TABLE)
        return database

    def _broken(self, error: Exception) -> SlmLspError:
        return SlmLspError(f"{self.path} can't be used ({error}); delete it with `slm-lsp stats --reset`.")
