"""Beam search: the likeliest texts, grown side by side in one pass a token.

A pass of four rows costs hardly more than one of a single row, since both read all weights once. (Lowerre,
"The HARPY Speech Recognition System", 1976; the margin is the relative threshold of Freitag and Al-Onaizan,
"Beam Search Strategies for Neural Machine Translation", 2017.)
"""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import count as counted

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Grown, Token, Usage
from slm_lsp.engine.llama.cache import Sequence as Cached
from slm_lsp.engine.llama.runner import Runner
from slm_lsp.engine.outlook import Outlook, Writing


@dataclass(slots=True)
class _Text:
    """A text that may still grow: its `tokens`, the sum of their log-probabilities, and its cached part."""

    id: int
    tokens: tuple[Token, ...]
    score: float
    sequence: Cached


class Search:
    """One search behind the prompt in `prefix`, which afterwards holds the best text that ended as well."""

    def __init__(
        self,
        runner: Runner,
        prefix: Cached,
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
    ) -> None:
        self._runner, self._prefix, self._count, self._decoding = runner, prefix, count, decoding
        self._cancel, self._usage = cancel, usage
        self._live = [_Text(0, (), 0.0, prefix)]
        self._forks = list[Cached]()
        self._ended = list[float]()
        self._best: Cached | None = None

    def run(self, outlook: Outlook, ended: set[int]) -> Generator[list[Grown], None, None]:
        """Yield the texts that grew in each step (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        outlooks, numbers = [outlook], counted(1)
        try:
            for step in range(self._decoding.max_tokens):
                if step:
                    outlooks = self._pass()
                if not (grown := self._grow(outlooks, numbers)):
                    return
                ended.update(one.id for one, _ in grown if one.tokens[-1].id in self._decoding.stop_ids)
                yield [Grown(one.id, parent.id, one.tokens[-1]) for one, parent in grown]
                self._keep(grown, ended)
                if not self._live:
                    return
        finally:
            if self._best is not None:
                self._forks.remove(self._best)
                self._runner.cache.become(self._prefix, self._best)
            for sequence in self._forks:
                self._runner.cache.release(sequence)

    def _grow(self, outlooks: Sequence[Outlook], numbers: "counted[int]") -> list[tuple[_Text, _Text]]:
        """Return the likeliest texts that are one token longer, best first, and what they grew from."""
        following = list[tuple[float, _Text, Token]]()
        for text, outlook in zip(self._live, outlooks, strict=True):
            tokens = outlook.likeliest(self._writing(text), self._count)
            following += [(text.score + token.logprob, text, token) for token in tokens]
        following.sort(key=lambda one: -one[0])
        bar, room = self._bar(following[0][0]), self._count
        grown = list[tuple[_Text, _Text]]()
        for score, parent, token in following:
            if score < bar or not room:
                break
            # What ends here takes no row of the next pass.
            if token.id not in self._decoding.stop_ids:
                room -= 1
                self._usage.decoded += 1
                self._usage.recalled += token.recalled
                self._usage.named += token.named
            grown.append((_Text(next(numbers), (*parent.tokens, token), score, parent.sequence), parent))
        return grown

    def _keep(self, grown: Sequence[tuple[_Text, _Text]], ended: set[int]) -> None:
        """Let the texts that did not end be the live ones, each with a sequence of its own."""
        for text, parent in grown:
            if text.id in ended:
                if text.score > max(self._ended, default=-math.inf):
                    self._release(self._best)
                    self._best = self._fork(parent)
                self._ended.append(text.score)
        bar = self._bar(grown[0][0].score)
        live, inherited = list[_Text](), set[int]()
        for text, parent in grown:
            if text.id in ended or text.score < bar:
                continue
            if parent.id in inherited or parent.sequence is self._prefix:
                text.sequence = self._fork(parent)
            inherited.add(parent.id)
            live.append(text)
        for parent in self._live:
            if parent.id not in inherited:
                self._release(parent.sequence)
        self._live = live

    def _bar(self, best: float) -> float:
        """Return the least score that counts: near enough to the best, and among the best that ended."""
        bar = max([best, *self._ended]) - self._decoding.margin
        full = len(self._ended) >= self._count
        return max(bar, sorted(self._ended)[-self._count]) if full else bar

    def _pass(self) -> list[Outlook]:
        """Append each live text's last token to its sequence, in one pass; return what follows them."""
        started = time.perf_counter()
        rows = [(text.sequence, [text.tokens[-1].id]) for text in self._live]
        outlooks = self._runner.extend(rows, len(rows), self._cancel)
        for sequence, (id,) in rows:
            sequence.tokens.append(id)
        self._usage.passes += 1
        self._usage.decode_ms += (time.perf_counter() - started) * 1e3
        return outlooks

    def _writing(self, text: _Text) -> Writing:
        writing = Writing(self._decoding)
        for token in text.tokens:
            writing.take(token)
        return writing

    def _fork(self, text: _Text) -> Cached:
        """Return a sequence of its own with what a text's sequence holds."""
        tokens = text.sequence.tokens
        made = self._runner.cache.fork(text.sequence, len(tokens))
        self._forks.append(made)
        if rest := tokens[len(made.tokens) :]:
            self._runner.read(made, rest, self._cancel)
        return made

    def _release(self, sequence: Cached | None) -> None:
        if sequence in self._forks:
            self._forks.remove(sequence)
            self._runner.cache.release(sequence)
