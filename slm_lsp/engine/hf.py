"""Any `AutoModelForCausalLM` behind the engine's interface: slower than the lean pass, but general."""

import inspect
import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slm_lsp.cancel import CancelToken
from slm_lsp.engine import weight_only
from slm_lsp.engine.device import choose_device, physical_cores
from slm_lsp.engine.hf_weights import CACHE_ARGUMENTS, matrices, read, short
from slm_lsp.engine.interface import Decoding, EngineInfo, Token, Usage
from slm_lsp.engine.outlook import Outlook, Writing
from slm_lsp.errors import ModelError

CHUNK = 128
"""Tokens prefilled in one pass: a cancelled request lets go of the engine after at most one of them."""

UNSTATED_CONTEXT = 2048
"""Tokens of context where the config names no limit, as with ALiBi and state-space models."""


class TransformersEngine:
    """A transformers model that decodes greedily and keeps its cache from one call to the next."""

    def __init__(self, model: Any, info: EngineInfo) -> None:
        self._model = model
        self._info = info
        parameters = inspect.signature(model.forward).parameters
        self._cache_argument = next(name for name in CACHE_ARGUMENTS if name in parameters)
        self._options: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._vocabulary: int = model.get_input_embeddings().num_embeddings
        self._only_attention = _only_attention(model)
        self._clear()

    @property
    def info(self) -> EngineInfo:
        """What is loaded."""
        return self._info

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the continuation greedily (see `slm_lsp.engine.interface.Engine.generate`).

        Drafts are not used: how a row is rounded may depend on its batch, and with it what is written.
        """
        logits = self._prefill(prompt, decoding.max_tokens, cancel, usage)
        writing = Writing(decoding)
        token: Token | None = None
        for _ in range(decoding.max_tokens):
            cancel.check()
            if token:
                logits = self._step(token.id, usage)
            token = writing.choose(_outlook(logits))
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
    ) -> Generator[tuple[int, Token], None, None]:
        """Yield branches one after another (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        decoding = replace(decoding, sampling=None)
        logits = self._prefill(prompt, decoding.max_tokens, cancel, usage)
        for branch, token in enumerate(_outlook(logits).likeliest(Writing(decoding), count)):
            writing = Writing(decoding)
            writing.take(token)
            for length in range(decoding.max_tokens):
                if branch in ended:
                    break
                cancel.check()
                if branch and length == 1:
                    self._prefill(prompt, decoding.max_tokens, cancel, Usage())
                if length:
                    token = writing.choose(_outlook(self._step(token.id, usage)))
                if token.id in decoding.stop_ids:
                    ended.add(branch)
                    break
                usage.decoded += 1
                usage.recalled += token.recalled
                usage.named += token.named
                yield branch, token

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Read a prompt ahead of need (see `slm_lsp.engine.interface.Engine.prefill`)."""
        self._prefill(prompt, 0, cancel, usage)

    def shrink(self) -> None:
        """Empty the cache."""
        self._clear()

    def close(self) -> None:
        """Let go of the weights and the cache."""
        del self._model, self._cache
        if self._info.device == "cuda":
            torch.cuda.empty_cache()

    def _clear(self) -> None:
        from transformers import DynamicCache

        # Made from the configuration, a cache forgets what left a sliding window and can't be rolled back.
        dynamic_cache: Any = DynamicCache
        self._cache = dynamic_cache(config=None if self._only_attention else self._model.config)
        self._tokens: list[int] = []

    def _prefill(self, prompt: Sequence[int], further: int, cancel: CancelToken, usage: Usage) -> Tensor:
        """Bring the cache to `prompt` and return the logits of its last token: [vocabulary].

        `further` tokens are to be generated after it.
        """
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
        surplus = len(self._tokens) - common
        if not self._only_attention:
            self._clear()
            common = 0
        elif surplus:
            self._cache.crop(-surplus)
            del self._tokens[common:]
        usage.reused += common
        # A recurrent layer reads a prompt in one pass: few can go on from a state with many tokens.
        chunk = CHUNK if self._only_attention else len(prompt)
        for start in range(common, len(prompt), chunk):
            cancel.check()
            ids = prompt[start : start + chunk]
            logits = self._extend(ids)
            usage.prefilled += len(ids)
        usage.prefill_ms += (time.perf_counter() - started) * 1e3
        return logits

    def _step(self, token: int, usage: Usage) -> Tensor:
        """Append one generated token and return its logits: [vocabulary]."""
        started = time.perf_counter()
        logits = self._extend([token])
        usage.passes += 1
        usage.decode_ms += (time.perf_counter() - started) * 1e3
        return logits

    @torch.inference_mode()
    def _extend(self, ids: Sequence[int]) -> Tensor:
        """Append `ids` to the cache and return the logits of the last: float32, [vocabulary]."""
        batch = torch.tensor([ids], device=self._model.device)
        try:
            output = self._model(
                batch, use_cache=True, **{self._cache_argument: self._cache}, **self._options
            )
        except BaseException as error:
            # Some layers may hold the new tokens already, others not: nothing in the cache can be trusted.
            self._clear()
            if isinstance(error, Exception):
                raise ModelError(_failure(error)) from error
            raise
        self._tokens.extend(ids)
        logits: Tensor = output.logits[0, -1].float()
        return logits


def load(
    folder: Path,
    gguf: Path | None,
    device: str,
    precision: str,
    threads: int,
    progress: Callable[[float, str], None],
) -> TransformersEngine:
    """Load a folder in Hugging Face layout, or the GGUF file `gguf` in it.

    `device`, `precision` and `threads` are as in `slm_lsp.config.Settings`. Reads safetensors or GGUF
    alone, runs no code of the folder and opens no connection.

    Raises:
        ModelInvalid: the files are partial, of a kind that is refused, or of an unknown architecture.
        ModelError: the device or the precision can't be had here.
    """
    where = choose_device(device)
    precision = _precision(precision, where)
    torch.set_num_threads(threads or physical_cores())
    progress(0.0, "reading the weights with transformers")
    rounded = where != "cpu" and precision in ("int8", "int4")
    if rounded:
        weight_only.check(precision, where)
    model, parameters = read(folder, gguf, _precision("auto", where) if rounded else precision)
    try:
        model.to(where)
        if rounded:
            weight_only.quantise(model, precision, matrices(model))
    except RuntimeError as error:
        raise ModelError(_failure(error)) from error
    text = model.config.get_text_config(decoder=True)
    info = EngineInfo(
        architecture=model.config.model_type,
        parameters=parameters,
        precision=precision,
        device=where,
        threads=torch.get_num_threads(),
        context_length=getattr(text, "max_position_embeddings", None) or UNSTATED_CONTEXT,
        backend="transformers",
    )
    progress(1.0, "ready")
    return TransformersEngine(model, info)


def _precision(wanted: str, device: str) -> str:
    if wanted == "auto":
        if device == "cpu":
            return "int8" if _has_int8() else "float32"
        return "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float16"
    if device == "cpu" and (wanted == "int4" or (wanted == "int8" and not _has_int8())):
        raise ModelError(f"{wanted} can't be had on this machine's CPU; set precision to auto.")
    return wanted


def _has_int8() -> bool:
    """Tell whether this CPU's PyTorch can pack and multiply int8 weights."""
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return False
    torch.backends.quantized.engine = "fbgemm"
    return True


def _only_attention(model: Any) -> bool:
    """Tell whether every layer keeps plain keys and values, which can be cut at any token."""
    from transformers import DynamicCache
    from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer, DummyLayer) for layer in layers)


def _outlook(logits: Tensor) -> Outlook:
    """Return what comes next, by logits [vocabulary]."""
    logprobs = logits.log_softmax(-1)
    entropy = float(torch.special.entr(logprobs.exp()).sum())
    if not math.isfinite(entropy):
        raise ModelError("the model's numbers overflowed; set precision to bfloat16 or float32.")
    return Outlook(logprobs.cpu().numpy(), int(logprobs.argmax()), 0.0, entropy)


def _failure(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
        return "there is not enough memory for the model; choose a smaller one, or lower prefixTokens."
    return f"the model failed ({short(error)}); run `slm-lsp doctor`."
