"""Training examples: a hole in a file becomes a prompt in the model's format, its middle, and the end token.

Prefix and middle are tokenised together as the text stands, and what the model has to write begins where
`healing.split` backs off to in use. Where the prompt in use would end in another token, because punctuation
on both sides of the cursor is one, the middle is tokenised from that boundary on. So no boundary is met in
training that is not met in use, nor the other way round.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from slm_lsp.context.languages import comment
from slm_lsp.prompt.context import cost
from slm_lsp.prompt.layout import arrange
from slm_lsp.text.snippet import Found, Snippet
from slm_lsp.tokens.healing import split
from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning.holes import Hole, Source
from slm_lsp.tuning.layout import Layout

PLAIN = 0.06
"""Share of examples that are plain text, left to right, without markers."""

NO_SUFFIX = 0.05
"""Share of holes whose suffix is hidden: new text is often written at the end of a file."""

CONTEXT = 0.45
"""Share of holes that are shown with code of other files, where there is any."""

CONTEXT_TOKENS = (40, 220)
"""Tokens of that code, at least and at most: less than in use, because a CPU trains slowly."""

IMPORTS = 6
"""Lines of imports at most that are shown of a file whose beginning is out of sight."""

_IMPORT = re.compile(r"(?:import|from|use|using|#include|package|require|const \w+ = require)\b.*")

Neighbourhood = Callable[["File", str, random.Random], list[Snippet]]
"""Draws code of other files for a file and the text of its hole."""


@dataclass(frozen=True, slots=True)
class Example:
    """Ids of one example: those from `prefix_at` on are learned, those from `middle_at` on are to be
    written."""

    ids: list[int]
    prefix_at: int
    middle_at: int
    kind: str


@dataclass(frozen=True, slots=True)
class File:
    """A source file: its path as it is shown to the model, its LSP language id and its text.

    Files of one `source` (a repository, a package) are context for one another.
    """

    path: str
    language: str
    text: str
    source: str = ""


class Examples:
    """Draws examples from one file."""

    def __init__(
        self, file: File, vocabulary: Vocabulary, layout: Layout, neighbourhood: Neighbourhood
    ) -> None:
        self._file, self._vocabulary, self._layout = file, vocabulary, layout
        self._neighbourhood = neighbourhood
        self._source = Source(file.text, file.language)
        ids, self._starts = vocabulary.encode_with_starts(file.text)
        self.tokens = len(ids)
        self._per_character = len(ids) / max(1, len(file.text))

    def draw(self, rng: random.Random, budget: int) -> Example | None:
        """Draw one example of at most `budget` tokens, or None if the draw did not give a good one."""
        hole = self._source.draw(rng)
        if hole is None:
            return None
        start, end = self._window(hole, rng, budget)
        head = self._header(rng)
        if rng.random() < PLAIN:
            return self._plain(head + self._file.text[start:end], budget)
        ahead: list[int] = []
        if snippets := self._snippets(hole, rng):
            found = Found(self._file.path, comment(self._file.language) or ("#", ""), self._file.source)
            laid_out = arrange(self._layout.format, self._vocabulary, found, snippets)
            ahead, head = laid_out.ahead, laid_out.prefix + self._imports(start, rng)
        prefix = head + self._file.text[start : hole.start]
        middle = self._file.text[hole.start : hole.end]
        suffix = self._file.text[hole.end : end]
        # The end is still known if there is nothing left of the file, and not if the suffix is hidden.
        ends = True
        if suffix and rng.random() < NO_SUFFIX:
            suffix, ends = "", False
        budget += sum(cost(one, self._vocabulary) for one in snippets)
        return self._render(ahead, prefix, middle, suffix, ends, budget, hole.kind)

    def _snippets(self, hole: Hole, rng: random.Random) -> list[Snippet]:
        """Draw code of other files for some of the holes."""
        if rng.random() >= CONTEXT:
            return []
        room = rng.randint(*CONTEXT_TOKENS)
        chosen = []
        for one in self._neighbourhood(self._file, self._file.text[hole.start : hole.end], rng):
            if (needed := cost(one, self._vocabulary)) <= room:
                chosen.append(one)
                room -= needed
        return chosen

    def _imports(self, start: int, rng: random.Random) -> str:
        """Return imports of the file that stand out of sight, now and then, as they are shown in use."""
        lines = self._file.text[:start].split("\n") if rng.random() < 0.5 else []
        found = [line for line in lines if _IMPORT.match(line)]
        return "".join(f"{line}\n" for line in found[-rng.randint(1, IMPORTS) :])

    def _render(
        self, ahead: list[int], prefix: str, middle: str, suffix: str, ends: bool, budget: int, kind: str
    ) -> Example | None:
        healed = split(prefix, self._vocabulary)
        joint = self._vocabulary.encode(prefix + middle)
        keep = len(healed.ids)
        if joint[:keep] != healed.ids:
            joint = healed.ids + self._vocabulary.encode(healed.tail + middle)
        format = self._layout.format
        after = self._vocabulary.encode(suffix)
        prompt = format.render(joint[:keep], after, ahead)
        ids = prompt + joint[keep:] + ([self._layout.end] if ends else [])
        # With the suffix in front, the prefix is written on the way to it, and is worth learning from.
        learned = len(prompt) - keep if format.suffix_first and format.middle_id is None else len(prompt)
        if len(ids) > budget * 1.25 or len(joint) - keep < 1:
            return None
        return Example(ids, learned, len(prompt), kind)

    def _plain(self, text: str, budget: int) -> Example | None:
        ids = self._vocabulary.encode(text)[:budget]
        return Example(ids, 0, len(ids), "plain") if len(ids) > 16 else None

    def _window(self, hole: Hole, rng: random.Random, budget: int) -> tuple[int, int]:
        """Return where the prefix starts and the suffix ends, at ends of lines for the most part."""
        text = self._file.text
        middle = round((hole.end - hole.start) * self._per_character)
        room = max(32, budget - middle - 24)
        function = self._source.function_around(hole)
        if function is not None and rng.random() < 0.35:
            inside = (function[1] - function[0] - hole.end + hole.start) * self._per_character
            if inside <= room:
                return function
        after = round(room * rng.triangular(0.0, 0.6, 0.3))
        start = max(0, hole.start - round((room - after) / self._per_character))
        end = min(len(text), hole.end + round(after / self._per_character))
        if start:
            start = min(text.find("\n", start) + 1 or start, hole.start)
        if end < len(text) and rng.random() < 0.8:
            end = max(text.rfind("\n", hole.end, end), hole.end)
        return start, end

    def _header(self, rng: random.Random) -> str:
        """Return a comment line with the file's path or language, or nothing."""
        draw, marks = rng.random(), comment(self._file.language)
        if draw > 0.4 or marks is None:
            return ""
        what = self._file.path if draw < 0.3 else self._file.language
        return " ".join(part for part in (marks[0], what, marks[1]) if part) + "\n"
