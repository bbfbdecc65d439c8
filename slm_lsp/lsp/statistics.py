"""Keeps the statistics of a session: takes events, looks later what is still there, and writes to disk."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.events import Event, Happened
from slm_lsp.errors import SlmLspError
from slm_lsp.statistics.store import Store
from slm_lsp.statistics.tally import SURVIVAL, Tally, summary

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two writings to disk."""

STILL_THERE = 0.5
"""Similarity from which a text counts as the one that was accepted (as in Copilot)."""


class Statistics:
    """Counts on the event loop and writes in a thread; without a store nothing is kept.

    `text_of` gives a document's text by its URI, or None once it is closed.
    """

    def __init__(self, text_of: Callable[[str], str | None], store: Store | None) -> None:
        self._text_of, self._store = text_of, store
        self._tally = Tally()
        self._later: set[asyncio.TimerHandle] = set()
        self._writing: asyncio.Task[None] | None = None
        self._failed = False
        self.acceptance = Acceptance()

    def start(self) -> None:
        """Take what the user accepted in earlier sessions, and write from now on."""
        if self._store and self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(self._store))

    def happened(self, event: Event) -> None:
        """Take an event of the completion service."""
        tally, language = self._tally, event.language
        if event.what in (Happened.SHOWN, Happened.KEPT):
            tally.count(language, "answered")
            tally.count(language, "answered from the cache", int(event.cached))
            tally.time(language, event.ms)
        if event.what is Happened.SHOWN:
            tally.count(language, "shown")
            self.acceptance = replace(self.acceptance, shown=self.acceptance.shown + 1)
        elif event.what is Happened.REJECTED:
            tally.count(language, "rejected")
        elif event.what is Happened.ACCEPTED:
            tally.count(language, "accepted" if event.kind == "whole" else f"accepted {event.kind}")
            tally.count(language, "characters accepted", len(event.text))
            self.acceptance = replace(self.acceptance, accepted=self.acceptance.accepted + 1)
            self._look_later(event)

    def typed(self, language: str, characters: int) -> None:
        """Take note of what the user typed by hand."""
        self._tally.count(language, "characters typed", characters)

    def stop(self) -> None:
        """Write what is left."""
        for timer in self._later:
            timer.cancel()
        if self._writing:
            self._writing.cancel()
            assert self._store
            self._flush(self._store)

    def _look_later(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        for seconds in SURVIVAL:

            def look(seconds: int = seconds) -> None:
                text = self._text_of(event.uri)
                if text is not None:
                    self._tally.count(event.language, f"looked {seconds}")
                    self._tally.count(event.language, f"survived {seconds}", int(survives(event.text, text)))

            self._later.add(loop.call_later(seconds, look))

    async def _write(self, store: Store) -> None:
        try:
            known = summary(await asyncio.to_thread(store.read))
            self.acceptance = Acceptance(
                self.acceptance.shown + known.shown, self.acceptance.accepted + known.accepted
            )
        except SlmLspError as error:
            log.warning("what was accepted in earlier sessions is not known: %s", error)
        while True:
            await asyncio.sleep(EVERY)
            await asyncio.to_thread(self._flush, store)

    def _flush(self, store: Store) -> None:
        if counts := self._tally.take():
            try:
                store.add(counts)
            except SlmLspError as error:
                self._tally.put_back(counts)
                if not self._failed:
                    log.warning("statistics wait to be written: %s", error)
                self._failed = True
            else:
                self._failed = False


def survives(accepted: str, document: str) -> bool:
    """Whether what was accepted is still in a document: some lines of it are more like it than not."""
    wanted = "\n".join(line.strip() for line in accepted.strip().splitlines())
    if not wanted:
        return True
    if accepted.strip() in document:
        return True
    lines = [line.strip() for line in document.splitlines()]
    count = wanted.count("\n") + 1
    windows = ("\n".join(lines[at : at + count]) for at in range(max(1, len(lines) - count + 1)))
    # The rest of the first line stood there before; only what was added must be found again.
    return any(_alike(wanted, window) for window in windows)


def _alike(wanted: str, window: str) -> bool:
    # Takes memory of every window, and is wanted only where something was accepted and then changed.
    from rapidfuzz.distance import Levenshtein

    tail = window[-len(wanted) :] if len(window) > len(wanted) else window
    return Levenshtein.normalized_similarity(wanted, tail, score_cutoff=STILL_THERE) > STILL_THERE
