"""Greedy decoding with a warm cache."""

import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import torch

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Constraint, Decoding, EngineInfo, Token, Usage
from slm_lsp.engine.llama.cache import KVCache
from slm_lsp.engine.llama.model import LlamaModel
from slm_lsp.engine.llama.pace import Pace
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.engine.llama.weights import parameters, read
from slm_lsp.errors import ModelError

CHUNK = 256
"""Tokens prefilled in one pass: longer chunks gain little (see `slm-lsp bench engine`) and hold more memory.
Cancelling does not wait for a chunk, only for one layer of it."""


NARROW = 4
"""Tokens up to which a pass waits for memory rather than for arithmetic, so that one thread may be enough."""


class LlamaEngine:
    """An engine for converted models of the Llama shape."""

    def __init__(self, model: LlamaModel, info: EngineInfo) -> None:
        self._model = model
        self._info = info
        self._cache = KVCache(model.shape)
        self._pace = Pace(info.threads)

    @property
    def info(self) -> EngineInfo:
        """What is loaded."""
        return self._info

    def generate(
        self,
        prompt: Sequence[int],
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        constraint: Constraint | None = None,
    ) -> Generator[Token, None, None]:
        """Yield the continuation greedily (see `slm_lsp.engine.interface.Engine.generate`)."""
        if not prompt or max(prompt) >= self._model.shape.vocabulary:
            raise ModelError(
                "the prompt is empty or has a token that the model does not know; check its tokenizer."
            )
        if len(prompt) + decoding.max_tokens > self._model.shape.context:
            raise ModelError(
                "the prompt is longer than the model's context; lower prefixTokens and suffixTokens."
            )
        started = time.perf_counter()
        hidden = self._prefill(prompt, cancel, usage)
        usage.prefill_ms += (time.perf_counter() - started) * 1e3
        while True:
            started = time.perf_counter()
            token = self._choose(hidden, constraint)
            usage.decode_ms += (time.perf_counter() - started) * 1e3
            if token.id in decoding.stop_ids:
                usage.ended = True
                return
            usage.decoded += 1
            yield token
            if usage.decoded >= decoding.max_tokens:
                return
            started = time.perf_counter()
            hidden = self._extend([token.id], cancel)
            usage.decode_ms += (time.perf_counter() - started) * 1e3

    def close(self) -> None:
        """Let go of the weights and the cache."""
        del self._model, self._cache

    @torch.inference_mode()
    def _prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> torch.Tensor:
        """Bring the cache to `prompt` and return the hidden state of its last token."""
        # The last token is always computed: its hidden state is not kept.
        common = min(self._cache.common(prompt), len(prompt) - 1)
        self._cache.truncate(common)
        usage.reused += common
        for start in range(common, len(prompt), CHUNK):
            chunk = prompt[start : start + CHUNK]
            hidden = self._extend(chunk, cancel)
            usage.prefilled += len(chunk)
        return hidden

    @torch.inference_mode()
    def _extend(self, ids: Sequence[int], cancel: CancelToken) -> torch.Tensor:
        narrow = len(ids) <= NARROW
        threads = self._pace.choose() if narrow else self._info.threads
        torch.set_num_threads(threads)
        started = time.perf_counter()
        hidden = self._model.forward(torch.tensor(ids), self._cache, cancel)
        if narrow:
            self._pace.note(threads, time.perf_counter() - started)
        self._cache.tokens.extend(ids)
        return hidden

    @torch.inference_mode()
    def _choose(self, hidden: torch.Tensor, constraint: Constraint | None) -> Token:
        """Take the most probable token that the constraint allows."""
        logits = self._model.logits(hidden)[0]
        allowed = constraint.allowed() if constraint else None
        if allowed is None:
            choice = int(logits.argmax())
        else:
            ids = torch.as_tensor(allowed)
            choice = int(ids[logits[ids].argmax()])
        if constraint:
            constraint.accept(choice)
        return Token(choice, float(logits[choice] - logits.logsumexp(-1)))


def load(folder: Path, threads: int, progress: Callable[[float, str], None]) -> LlamaEngine:
    """Load a converted folder on the CPU.

    Raises:
        ModelInvalid: a file of the folder is missing, partial or altered.
    """
    torch.backends.quantized.engine = (
        "fbgemm" if "fbgemm" in torch.backends.quantized.supported_engines else "qnnpack"
    )
    shape = Shape.read(folder)
    weights = read(folder, shape, threads, progress)
    info = EngineInfo(
        architecture="llama",
        parameters=parameters(folder),
        precision="int8",
        device="cpu",
        threads=threads,
        context_length=shape.context,
    )
    return LlamaEngine(LlamaModel(shape, weights), info)
