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
        hidden = self._prefill(prompt, decoding.max_tokens, cancel, usage)
        token: Token | None = None
        for _ in range(decoding.max_tokens):
            started = time.perf_counter()
            if token:
                hidden = self._extend([token.id], cancel)
                usage.passes += 1
            token = self._choose(hidden, constraint)
            usage.decode_ms += (time.perf_counter() - started) * 1e3
            if token.id in decoding.stop_ids:
                usage.ended = True
                return
            usage.decoded += 1
            yield token

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        constraint_of: Callable[[], Constraint | None],
        ended: set[int],
    ) -> Generator[tuple[int, Token], None, None]:
        """Yield branches one after another (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        hidden = self._prefill(prompt, decoding.max_tokens, cancel, usage)
        for branch, token in enumerate(self._likeliest(hidden, constraint_of(), count)):
            constraint = constraint_of()
            if constraint:
                constraint.accept(token.id)
            for length in range(decoding.max_tokens):
                if branch in ended:
                    break
                if length == 1:
                    self._cache.truncate(len(prompt))
                if length:
                    token = self._choose(self._extend([token.id], cancel), constraint)
                    usage.passes += 1
                if token.id in decoding.stop_ids:
                    ended.add(branch)
                    break
                usage.decoded += 1
                yield branch, token

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Read a prompt ahead of need (see `slm_lsp.engine.interface.Engine.prefill`)."""
        self._prefill(prompt, 0, cancel, usage)

    def close(self) -> None:
        """Let go of the weights and the cache."""
        del self._model, self._cache

    @torch.inference_mode()
    def _prefill(
        self, prompt: Sequence[int], further: int, cancel: CancelToken, usage: Usage
    ) -> torch.Tensor:
        """Bring the cache to `prompt` and return the hidden state of its last token."""
        if not prompt or max(prompt) >= self._model.shape.vocabulary:
            raise ModelError(
                "the prompt is empty or has a token that the model does not know; check its tokenizer."
            )
        if len(prompt) + further > self._model.shape.context:
            raise ModelError(
                "the prompt is longer than the model's context; lower prefixTokens and suffixTokens."
            )
        started = time.perf_counter()
        # The last token is always computed: its hidden state is not kept.
        common = min(self._cache.common(prompt), len(prompt) - 1)
        self._cache.truncate(common)
        usage.reused += common
        for start in range(common, len(prompt), CHUNK):
            chunk = prompt[start : start + CHUNK]
            hidden = self._extend(chunk, cancel)
            usage.prefilled += len(chunk)
        usage.prefill_ms += (time.perf_counter() - started) * 1e3
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

    def _choose(self, hidden: torch.Tensor, constraint: Constraint | None) -> Token:
        """Take the most probable token that the constraint allows."""
        token = self._likeliest(hidden, constraint, 1)[0]
        if constraint:
            constraint.accept(token.id)
        return token

    @torch.inference_mode()
    def _likeliest(self, hidden: torch.Tensor, constraint: Constraint | None, count: int) -> list[Token]:
        """Return the most probable tokens that the constraint allows, at most `count`, best first."""
        logits = self._model.logits(hidden)[0]
        logprobs = logits.log_softmax(-1)
        entropy = -float((logprobs.exp() * logprobs).sum())
        allowed = constraint.allowed() if constraint else None
        ids = torch.arange(len(logits)) if allowed is None else torch.as_tensor(allowed)
        values = logits[ids]
        best = (
            values.argmax()[None] if count == 1 else values.sort(descending=True, stable=True).indices[:count]
        )
        return [Token(id, float(logprobs[id]), entropy) for id in ids[best].tolist()]


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
