"""Typing whole files through the real server, key by key, and what was shown, held back and why.

The typist types the file as it stands, at its end or in the middle of what stands there already. Where a
suggestion begins as the file goes on, now and then a word, a line or all of it is accepted instead of typed.
Every suggestion that is shown is looked at.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slm_lsp.benchmark.client import Client, Json
from slm_lsp.completion.brackets import brackets
from slm_lsp.completion.filters.repeats import alike, says_something
from slm_lsp.completion.request import Source
from slm_lsp.context.languages import language_id

ACCEPTED = 0.3
"""Share of the suggestions that begin right and are accepted."""

BURST, PAUSE = 12, 0.4
"""Keys typed without a stop, and the seconds of the stop, in which a suggestion may come."""

KEYS_PER_LINE = 25
"""About so many keys make a line of code: so many lines are taken out to be typed again."""

FAST, SLOW = 0.03, 0.2
"""Seconds between two keys of a burst, which is typed one way or the other: held down, or as most people type
(Dhakal et al. 2018)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A suggestion that should not have been shown so: what is wrong, and where (line and column from 0)."""

    what: str
    file: str
    line: int
    column: int
    text: str


@dataclass(slots=True)
class Replayed:
    """What happened; `finished` are the generations that ran to their end in each fast burst of keys.

    `waits` are the ms that each request took which was not withdrawn, and `cached_ms` the server's own times
    for the last answers from its cache.
    """

    keys: int = 0
    shown: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    cached_ms: list[float] = field(default_factory=list)

    def add(self, other: "Replayed") -> None:
        """Add what happened in another file."""
        self.keys += other.keys
        self.shown += other.shown
        self.faults += other.faults
        self.finished += other.finished
        self.cached_ms += other.cached_ms
        self.waits += other.waits
        for mine, theirs in (
            (self.accepted, other.accepted),
            (self.reasons, other.reasons),
            (self.sources, other.sources),
        ):
            mine.update(theirs)


class Replay:
    """Types lines `first` (from 0) to `last`, or to the end, of a file in which they are missing.

    `keys` limits how many are typed, accepted characters not counted; `seed` draws what is accepted. `pauses`
    are the seconds between two keys, one of which is drawn for each burst, and `rest` those after it.
    """

    def __init__(
        self,
        client: Client,
        path: Path,
        keys: int,
        seed: int,
        first: int = 0,
        last: int | None = None,
        *,
        pauses: Sequence[float] = (FAST, SLOW),
        rest: float = PAUSE,
    ) -> None:
        self._client, self._path = client, path
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        self._at = len("".join(lines[:first]))
        self._text = "".join(lines[:last]).removesuffix("\n")
        self._after = "\n" + "".join(lines[last:]) if last is not None else ""
        self._below = next((line.strip() for line in self._after.split("\n") if line.strip()), "")
        self._limit, self._rng = keys, random.Random(seed)
        self._pauses, self._rest = pauses, rest
        self._version = 0
        self._uri = path.absolute().as_uri()
        self._last: tuple[int, str] | None = None
        self.found = Replayed()

    async def run(self) -> Replayed:
        """Type the file and return what happened."""
        self._client.notify(
            "textDocument/didOpen",
            {
                "textDocument": {
                    "uri": self._uri,
                    "languageId": language_id(self._path),
                    "version": 0,
                    "text": self._text[: self._at] + self._after,
                }
            },
        )
        before = await self._counters()
        while self._at < len(self._text) and self.found.keys < self._limit:
            await self._burst()
        after = await self._counters()
        self.found.reasons = Counter(after["reasons"]) - Counter(before["reasons"])
        self.found.sources = Counter(after["sources"]) - Counter(before["sources"])
        trail = await self._client.command("slm-lsp.trail")
        self.found.cached_ms = [one["ms"] for one in trail if one["source"] == Source.CACHE.value]
        self._client.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})
        return self.found

    async def _burst(self) -> None:
        """Type some keys, each asking and withdrawing what was asked before; then stop and look."""
        before = (await self._counters())["finished"]
        asked: tuple[int, asyncio.Future[object]] | None = None
        # The first burst is a fast one, so that there is one.
        pause = self._rng.choice(self._pauses) if self.found.keys else FAST
        for key in self._keys():
            self._type(key)
            self.found.keys += 1
            if asked and not asked[1].done():
                self._client.notify("$/cancelRequest", {"id": asked[0]})
            asked = self._ask()
            await asyncio.sleep(pause)
            if asked[1].done():
                self._look(asked[1].result())
        if asked is None:
            return
        suggestion = self._look(await asked[1])
        if pause == FAST:
            self.found.finished.append((await self._counters())["finished"] - before)
        await asyncio.sleep(self._rest)
        if suggestion:
            await self._perhaps_accept(*suggestion)

    def _keys(self) -> Iterator[str]:
        """Yield the next keys: characters, and Enter with the indentation that an editor adds."""
        for _ in range(BURST):
            if self._at >= len(self._text):
                return
            end = self._at + 1
            if self._text[self._at] == "\n":
                while end < len(self._text) and self._text[end] in " \t":
                    end += 1
            yield self._text[self._at : end]

    def _type(self, text: str) -> None:
        place = self._place()
        self._version += 1
        self._client.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self._uri, "version": self._version},
                "contentChanges": [{"range": {"start": place, "end": place}, "text": text}],
            },
        )
        self._at += len(text)

    def _ask(self) -> tuple[int, "asyncio.Future[object]"]:
        started = time.perf_counter()
        number, reply = self._client.ask(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": self._uri}, "position": self._place(), "context": {"triggerKind": 2}},
        )

        def answered(done: "asyncio.Future[object]") -> None:
            if not done.cancelled() and not done.exception() and done.result() is not None:
                self.found.waits.append((time.perf_counter() - started) * 1e3)

        reply.add_done_callback(answered)
        return number, reply

    def _look(self, result: object) -> tuple[str, str] | None:
        """Look at what is shown: it must be sound, and go on as what was shown a key before."""
        items = result.get("items") if isinstance(result, dict) else None
        if not items:
            return None
        item: Json = items[0]
        text: str = item["insertText"]
        start = self._offset(item["range"]["start"])
        self.found.shown += 1
        if self._last is not None:
            at, shown = self._last
            typed = self._text[at : self._at]
            if shown.startswith(typed) and shown != typed and shown[len(typed) :] != text:
                self._fault("changed under the fingers", text)
        self._last = (self._at, text) if start == self._at else None
        if self._text.startswith(text, start):
            return text, item["command"]["arguments"][0]
        if unbalances(self._text[:start], text, self._after, language_id(self._path)):
            self._fault("unbalanced brackets", text)
        if says_something(self._below) and any(alike(line, self._below) for line in text.split("\n")):
            self._fault("duplicates the text below", text)
        return text, item["command"]["arguments"][0]

    async def _perhaps_accept(self, text: str, identifier: str) -> None:
        """Accept what goes on as the file does, now and then: all of it, its first line or its first word."""
        right = self._text.startswith(text, self._at)
        if self._rng.random() > ACCEPTED or not self._text.startswith(text[:1], self._at):
            return
        line, word = text.partition("\n")[0], text[: len(text) - len(text.lstrip())] + text.split()[0]
        for kind, part in (("whole", text), ("line", line), ("word", word)):
            if part and self._text.startswith(part, self._at) and (kind != "whole" or right):
                self._type(part)
                arguments = [identifier] if kind == "whole" else [identifier, kind, len(part)]
                await self._client.command("slm-lsp.accepted", *arguments)
                self.found.accepted[kind] += 1
                return

    def _fault(self, what: str, text: str) -> None:
        place = self._place()
        self.found.faults.append(Fault(what, self._path.name, place["line"], place["character"], text))

    def _place(self) -> Json:
        _, _, last = self._text[: self._at].rpartition("\n")
        line = self._text.count("\n", 0, self._at)
        return {"line": line, "character": len(last.encode("utf-16-le")) // 2}

    def _offset(self, place: Json) -> int:
        line, column = place["line"], place["character"]
        start = sum(len(one) + 1 for one in self._text.split("\n")[:line])
        return start + int(column)

    async def _counters(self) -> Json:
        counters: Json = (await self._client.command("slm-lsp.status"))["counters"]
        return counters


def unbalances(before: str, text: str, after: str, language: str) -> bool:
    """Whether a text leaves more brackets without partners than there were without it."""
    head, tail = brackets(before, language), brackets(after, language)
    return (head + brackets(text, language) + tail).worse_than(head + tail)


async def replayed(paths: Sequence[Path], settings: Json, keys: int, seed: int) -> Replayed:
    """Type a part of each file, from a line on that is drawn, through one server; return all that happened.

    Raises:
        SlmLspError: the server could not load its model.
    """
    found, rng = Replayed(), random.Random(seed)
    client = await Client.start(settings)
    try:
        for path in paths:
            lines = path.read_text(encoding="utf-8").count("\n")
            first = rng.randrange(max(1, lines // 2))
            last = first + max(1, keys // KEYS_PER_LINE)
            found.add(await Replay(client, path, keys, seed, first, last).run())
    finally:
        await client.stop()
    return found
