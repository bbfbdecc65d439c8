"""Keeps the index of a workspace in step with its files, on a thread that gives way to all others."""

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread, get_native_id

from filelock import FileLock, Timeout

from slm_lsp.context import grammars
from slm_lsp.context.index import Index
from slm_lsp.context.index_file import damaged
from slm_lsp.context.languages import PROSE_AND_DATA, language_id
from slm_lsp.context.sources import read
from slm_lsp.context.symbols import Outline, outline
from slm_lsp.context.walk import IGNORE_FILES, Tree
from slm_lsp.text.lines import split

log = logging.getLogger(__name__)

MOST_FILES = 100_000
"""Files of one root that are indexed; who has more has something else in there."""

BATCH = 100
"""Files after which what was read is shown to those who ask."""

RESCAN_SECONDS = 120.0
"""Seconds between scans of the files where no client tells of changes."""

PATIENCE = 2.0
"""Seconds that the indexing thread has to come to its end."""

RENEWALS = 3
"""How often in a session a damaged index is made anew."""

AGAIN = 60.0
"""Seconds after which an index that could not be written is tried again."""

NICENESS = 15
"""Of the indexing thread, where threads have one (Linux)."""

Progress = Callable[[int, int, bool], None]
"""Told how many files are done, of how many, and whether that was the last."""


class Indexer:
    """Indexes the files below a root: all that changed at the start, then those that it is told of.

    With `watched`, whoever made it tells of every change; otherwise the files are looked at again every now
    and then. One process at a time writes to an index file; another one asks it as it is.
    """

    def __init__(
        self, index: Index, lock: Path, *, watched: bool, progress: Progress = lambda done, total, last: None
    ) -> None:
        self.index = index
        self.generation = 0
        self._tree = Tree(index.root)
        self._lock = FileLock(lock, mode=0o600, thread_local=False)
        self._watched, self._progress = watched, progress
        self._changed: SimpleQueue[Path | Event | sqlite3.DatabaseError] = SimpleQueue()
        self._ended = Event()
        self._renewals, self._told = 0, ""
        self._thread = Thread(target=self._run, name="slm-index", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def changed(self, path: Path) -> None:
        """Take note that a file or folder was made, changed or deleted."""
        self._changed.put(path)

    def failed(self, error: sqlite3.DatabaseError) -> None:
        """Take note that a question failed: a damaged index is made anew."""
        if damaged(error):
            self._changed.put(error)

    def wait(self, seconds: float = 3600.0) -> bool:
        """Wait until all that was told so far has been indexed; return whether it has been in that time."""
        reached, end = Event(), time.monotonic() + seconds
        self._changed.put(reached)
        while not reached.wait(0.02):
            if time.monotonic() > end or not self._thread.is_alive():
                return not self._thread.is_alive()
        return True

    def close(self) -> None:
        """Stop after the file at hand, and let go of the index.

        A thread that is not done in time dies with the process; the index survives that.
        """
        self._ended.set()
        self._changed.put(self.index.root)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        if not self._thread.is_alive():
            self.index.close()

    def _run(self) -> None:
        _give_way()
        try:
            with self._lock.acquire(timeout=0):
                while not self._ended.wait(self._mending()):
                    pass
        except Timeout:
            log.info("another process keeps the index of this workspace")
        except Exception:
            log.exception("the workspace could not be indexed")

    def _mending(self) -> float:
        """Work until the end, and make the index anew if it turns out to be damaged.

        Returns the seconds after which to go on: a disk that is full, or can't be written, may be mended.
        """
        try:
            self._work()
        except (OSError, sqlite3.Error) as error:
            if damaged(error) and self._renewals < RENEWALS:
                self._renewals += 1
                log.warning("the index of this workspace was damaged (%s) and is made anew", error)
                with suppress(OSError, sqlite3.Error):
                    self.index.renew()
                    return 0.0
            if str(error) != self._told:
                self._told = str(error)
                log.warning("the index of this workspace is left as it is for now: %s", error)
            with suppress(sqlite3.Error):
                self.index.undo()
        return AGAIN

    def _work(self) -> None:
        self._scan()
        while not self._ended.is_set():
            try:
                news = self._changed.get(timeout=None if self._watched else RESCAN_SECONDS)
            except Empty:
                self._scan()
                continue
            if isinstance(news, sqlite3.DatabaseError):
                raise news
            if isinstance(news, Event):
                news.set()
            elif not self._ended.is_set():
                self._follow(news)

    def _follow(self, path: Path) -> None:
        if path.name in IGNORE_FILES:
            self._tree.forget()
            self._scan()
            return
        if path.is_dir():
            # A folder came, or was renamed: there is no telling what is in it.
            self._scan()
            return
        if not path.is_relative_to(self.index.root):
            return
        name = path.relative_to(self.index.root).as_posix()
        if not _is_text(name):
            return
        if self._wanted(path) and self._tree.has(path) and path.is_file() and not path.is_symlink():
            self._read(path, name)
        else:
            self.index.remove(name)
        self._save()

    def _scan(self) -> None:
        """Bring the index in step with all files, by their sizes and times of change."""
        known, files = self.index.known(), list(self._files())
        if self._ended.is_set():
            return
        gone = known.keys() - {name for _, name in files}
        if any((self.index.root / name).exists() for name in gone):
            # Whoever has named them in an ignore file since wants nothing of them kept.
            self.index.empty()
            known.clear()
        fresh = [(path, name) for path, name in files if known.get(name) != _stamp(path)]
        for name in gone:
            self.index.remove(name)
        for done, (path, name) in enumerate(fresh):
            if self._ended.is_set():
                break
            if done % BATCH == 0:
                self._save()
                self._progress(done, len(fresh), False)
            self._read(path, name)
            time.sleep(0)  # whoever waits for the interpreter goes first
        self._save()
        if fresh and not self._ended.is_set():
            self.index.tidy()
        if fresh:
            self._progress(len(fresh), len(fresh), True)

    def _files(self) -> Iterator[tuple[Path, str]]:
        count = 0
        for path in self._tree.files():
            if self._ended.is_set():
                return
            name = path.relative_to(self.index.root).as_posix()
            if self._wanted(path) and _is_text(name):
                count += 1
                if count > MOST_FILES:
                    log.warning("more than %d files; the rest are not indexed", MOST_FILES)
                    return
                yield path, name

    def _wanted(self, path: Path) -> bool:
        return language_id(path) not in PROSE_AND_DATA

    def _read(self, path: Path, name: str) -> None:
        stamp, language = _stamp(path), language_id(path)
        if stamp is None:
            self.index.remove(name)
            return
        text = read(path)
        if text is None:
            self.index.put(name, language, *stamp, (), Outline())
            return
        self.index.put(name, language, *stamp, split(text), outline_of(language, text))

    def _save(self) -> None:
        self.index.save()
        self.generation += 1


def outline_of(language: str, text: str) -> Outline:
    """Return what a text defines and imports; nothing if its language has no grammar."""
    if language not in grammars.LANGUAGES:
        return Outline()
    source = text.encode(errors="replace")
    return outline(language, grammars.parser(language).parse(source), source)


def _is_text(name: str) -> bool:
    """Whether a file has a name that SQLite and editors can take, and not mere bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _give_way() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)
