"""What engines share that read a prompt in pieces, write a token at a time, and keep one prompt's cache."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import count as counted

import numpy as np
from numpy.typing import NDArray

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, EngineInfo, Grown, Token, Usage
from slm_lsp.engine.outlook import Outlook, Writing
from slm_lsp.errors import ModelError

Logits = NDArray[np.float32]

_NOTHING = -1e3
"""A logit so far below the best that its chance is 0."""


class StepwiseEngine(ABC):
    """Decodes greedily or by drawing, without drafts: how a row is rounded may depend on its batch.

    `vocabulary` is how many tokens the model knows, `chunk` how many are read in one pass.
    """

    def __init__(self, info: EngineInfo, vocabulary: int, chunk: int) -> None:
        self._info = info
        self._vocabulary = vocabulary
        self._chunk = chunk
        self._tokens: list[int] = []

    @property
    def info(self) -> EngineInfo:
        """What is loaded."""
        return self._info

    @abstractmethod
    def _append(self, ids: Sequence[int], cancel: CancelToken) -> Logits:
        """Append `ids` to the cache and return the logits of the last: [vocabulary].

        Raises:
            Cancelled: the token was cancelled, and the cache is as it was before.
            ModelError: the model failed.
        """

    @abstractmethod
    def _keep(self, count: int) -> int:
        """Cut the cache to its first `count` tokens, or to fewer if it must be; return how many are left."""

    @abstractmethod
    def _clear(self) -> None:
        """Empty the cache."""

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the continuation greedily (see `slm_lsp.engine.interface.Engine.generate`)."""
        outlook = self._prefill(prompt, decoding.max_tokens, cancel, usage)
        writing = Writing(decoding)
        token: Token | None = None
        for _ in range(decoding.max_tokens):
            cancel.check()
            if token:
                outlook = self._step(token.id, cancel, usage)
            token = writing.choose(outlook)
            if token.id in decoding.stop_ids:
                usage.ended = True
                return
            usage.decoded += 1
            usage.recalled += token.recalled
            usage.named += token.named
            yield token

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
    ) -> Generator[list[Grown], None, None]:
        """Yield texts one after another (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        decoding = replace(decoding, sampling=None)
        outlook, numbers = self._prefill(prompt, decoding.max_tokens, cancel, usage), counted(1)
        for text, token in enumerate(outlook.likeliest(Writing(decoding), count)):
            writing, grown = Writing(decoding), 0
            writing.take(token)
            for length in range(decoding.max_tokens):
                cancel.check()
                if text and length == 1:
                    self._prefill(prompt, decoding.max_tokens, cancel, Usage())
                if length:
                    token = writing.choose(self._step(token.id, cancel, usage))
                grown, parent = next(numbers), grown
                if token.id in decoding.stop_ids:
                    ended.add(grown)
                else:
                    usage.decoded += 1
                    usage.recalled += token.recalled
                    usage.named += token.named
                yield [Grown(grown, parent, token)]
                if grown in ended:
                    break

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Read a prompt ahead of need (see `slm_lsp.engine.interface.Engine.prefill`)."""
        self._prefill(prompt, 0, cancel, usage)

    def shrink(self) -> None:
        """Empty the cache."""
        self._clear()
        self._tokens = []

    def _prefill(self, prompt: Sequence[int], further: int, cancel: CancelToken, usage: Usage) -> Outlook:
        """Bring the cache to `prompt` and return what comes next; `further` tokens are to be generated."""
        if not prompt or min(prompt) < 0 or max(prompt) >= self._vocabulary:
            raise ModelError(
                "the prompt is empty or has a token that the model does not know; check its tokenizer."
            )
        if len(prompt) + further > self._info.context_length:
            raise ModelError(
                "the prompt is longer than the model's context; lower prefixTokens and suffixTokens."
            )
        started = time.perf_counter()
        # The last token is always computed: its logits are not kept.
        common = 0
        for ours, theirs in zip(self._tokens, prompt[:-1], strict=False):
            if ours != theirs:
                break
            common += 1
        common = self._keep(common)
        del self._tokens[common:]
        usage.reused += common
        for start in range(common, len(prompt), self._chunk):
            cancel.check()
            ids = prompt[start : start + self._chunk]
            logits = self._extend(ids, cancel)
            usage.prefilled += len(ids)
        usage.prefill_ms += (time.perf_counter() - started) * 1e3
        return _outlook(logits)

    def _step(self, token: int, cancel: CancelToken, usage: Usage) -> Outlook:
        """Append one generated token and return what comes next."""
        started = time.perf_counter()
        logits = self._extend([token], cancel)
        usage.passes += 1
        usage.decode_ms += (time.perf_counter() - started) * 1e3
        return _outlook(logits)

    def _extend(self, ids: Sequence[int], cancel: CancelToken) -> Logits:
        try:
            logits = self._append(ids, cancel)
        except Cancelled:
            raise
        except BaseException:
            # Some layers may hold the new tokens already, others not: nothing in the cache can be trusted.
            self.shrink()
            raise
        self._tokens.extend(ids)
        return logits


def _outlook(logits: Logits) -> Outlook:
    """Return what comes next, by logits [vocabulary]."""
    best = int(logits.argmax())
    top = float(logits[best])
    if not math.isfinite(top):
        raise ModelError("the model's numbers overflowed; set precision to bfloat16 or float32.")
    below = np.maximum(logits.astype(np.float64) - top, _NOTHING)
    chances = np.exp(below)
    total = float(chances.sum())
    entropy = math.log(total) - float((chances * below).sum()) / total
    return Outlook(logits, best, top + math.log(total), entropy)
