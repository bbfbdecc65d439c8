"""Greedy decoding with a warm cache."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from itertools import takewhile, zip_longest
from pathlib import Path

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, EngineInfo, Grown, Token, Usage
from slm_lsp.engine.llama import native, weights
from slm_lsp.engine.llama.cache import Sequence as Cached
from slm_lsp.engine.llama.runner import Runner
from slm_lsp.engine.llama.search import Search
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.engine.llama.speculation import DraftLength
from slm_lsp.engine.lookup import LONGEST, Lookup
from slm_lsp.engine.outlook import Outlook, Writing
from slm_lsp.errors import ModelError


class LlamaEngine:
    """An engine for converted models of the Llama shape, on the CPU."""

    def __init__(self, runner: Runner, info: EngineInfo) -> None:
        self._runner = runner
        self._info = info
        self._length = DraftLength()
        self._written = Lookup()

    @property
    def info(self) -> EngineInfo:
        """What is loaded."""
        return self._info

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the continuation greedily (see `slm_lsp.engine.interface.Engine.generate`)."""
        sequence, outlook = self._read(prompt, decoding.max_tokens, cancel, usage)
        writing, left = Writing(decoding), decoding.max_tokens
        chosen = [writing.choose(outlook)]
        try:
            while True:
                for token in chosen:
                    if token.id in decoding.stop_ids:
                        usage.ended = True
                        return
                    usage.decoded += 1
                    usage.recalled += token.recalled
                    usage.named += token.named
                    left -= 1
                    yield token
                    if not left:
                        return
                drafts = self._drafts([*sequence.tokens, token.id], left - 1, decoding, writing)
                chosen = self._verify(sequence, token.id, drafts, writing, cancel, usage)
        finally:
            self._written.note(sequence.tokens[max(0, len(prompt) - LONGEST) :])

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
    ) -> Generator[list[Grown], None, None]:
        """Search for the likeliest texts (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        decoding = replace(decoding, sampling=None)
        prefix, outlook = self._read(prompt, decoding.max_tokens, cancel, usage)
        yield from Search(self._runner, prefix, count, decoding, cancel, usage).run(outlook, ended)

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Read a prompt ahead of need (see `slm_lsp.engine.interface.Engine.prefill`)."""
        self._read(prompt, 0, cancel, usage)

    def shrink(self) -> None:
        """Empty the cache."""
        self._runner.shrink()

    def close(self) -> None:
        """End the threads and let go of weights and cache."""
        self._runner.close()

    def _read(
        self, prompt: Sequence[int], further: int, cancel: CancelToken, usage: Usage
    ) -> tuple[Cached, Outlook]:
        """Bring the cache to `prompt`; return its sequence there and what comes next."""
        if not prompt or min(prompt) < 0 or max(prompt) >= self._runner.shape.vocabulary:
            raise ModelError(
                "the prompt is empty or has a token that the model does not know; check its tokenizer."
            )
        if len(prompt) + further > self._runner.context:
            raise ModelError(
                "the prompt is longer than the model's context; lower prefixTokens and suffixTokens."
            )
        started = time.perf_counter()
        sequence = self._runner.cache.open(prompt)
        common = len(sequence.tokens)
        usage.reused += common
        try:
            outlook = self._runner.read(sequence, prompt[common:], cancel)
        finally:
            usage.prefilled += len(sequence.tokens) - common
            usage.prefill_ms += (time.perf_counter() - started) * 1e3
        return sequence, outlook

    def _drafts(self, tokens: Sequence[int], most: int, decoding: Decoding, writing: Writing) -> list[int]:
        """Return what may follow `tokens`, at most `most` of it and no stop id."""
        limit = self._length.limit(most) if writing.is_free else 0
        if not limit:
            return []
        drafts = writing.memory.draft(writing.tokens, limit) if writing.memory else ()
        source = self._written if decoding.drafts is None else decoding.drafts
        drafts = drafts or source.propose(tokens, limit)
        known = range(self._runner.shape.vocabulary)
        return [*takewhile(lambda id: id not in decoding.stop_ids and id in known, drafts)][:limit]

    def _verify(
        self,
        sequence: Cached,
        token: int,
        drafts: Sequence[int],
        writing: Writing,
        cancel: CancelToken,
        usage: Usage,
    ) -> list[Token]:
        """Append a token to the sequence, and of the drafts those that are right.

        Returns the right drafts and one more token, which is not in the sequence yet.
        """
        started = time.perf_counter()
        outlooks = self._runner.extend([(sequence, [token, *drafts])], 1 + len(drafts), cancel)
        chosen = list[Token]()
        for outlook, draft in zip_longest(outlooks, drafts):
            chosen.append(writing.choose(outlook))
            if chosen[-1].id != draft:
                break
        sequence.tokens += [token, *drafts][: len(chosen)]
        seconds = time.perf_counter() - started
        self._length.note(1 + len(drafts), seconds, len(chosen) - 1)
        usage.passes += 1
        usage.verified += bool(drafts)
        usage.drafted += len(drafts)
        usage.accepted += len(chosen) - 1
        usage.decode_ms += seconds * 1e3
        return chosen


def load(folder: Path, threads: int, megabytes: int, progress: Callable[[float, str], None]) -> LlamaEngine:
    """Load a converted folder (see `weights.find`); `megabytes` bound the key/value cache.

    Raises:
        ModelInvalid: a file of the folder is missing, partial or altered.
    """
    shape, path = Shape.read(folder), weights.find(folder)
    assert path is not None
    read = weights.read(path, shape, progress)
    runner = Runner(shape, read, native.kernels(progress), threads, megabytes)
    info = EngineInfo(
        architecture="llama",
        parameters=read.parameters,
        precision=read.precision,
        device="cpu",
        threads=threads,
        context_length=runner.context,
        weights=sum(one.nbytes for one in read.tensors.values()) if read.precision == "int4" else None,
        searches=True,
    )
    return LlamaEngine(runner, info)
