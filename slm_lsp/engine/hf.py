"""Any `AutoModelForCausalLM` behind the engine's interface: slower than the lean pass, but general."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine import weight_only
from slm_lsp.engine.device import choose_device, physical_cores
from slm_lsp.engine.hf_weights import CACHE_ARGUMENTS, matrices, read, short
from slm_lsp.engine.interface import EngineInfo
from slm_lsp.engine.stepwise import Logits, StepwiseEngine
from slm_lsp.errors import ModelError

CHUNK = 128
"""Tokens prefilled in one pass: what was read in those before it stays when a request is cancelled."""

UNSTATED_CONTEXT = 2048
"""Tokens of context where the config names no limit, as with ALiBi and state-space models."""


class TransformersEngine(StepwiseEngine):
    """A transformers model that keeps its cache from one call to the next."""

    def __init__(self, model: Any, info: EngineInfo) -> None:
        self._model = model
        parameters = inspect.signature(model.forward).parameters
        self._cache_argument = next(name for name in CACHE_ARGUMENTS if name in parameters)
        self._options: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._only_attention = _only_attention(model)
        # A recurrent layer reads a prompt in one pass: few can go on from a state with many tokens.
        chunk = CHUNK if self._only_attention else info.context_length
        super().__init__(info, model.get_input_embeddings().num_embeddings, chunk)
        self._cancel = CancelToken()
        for part in _parts(model):
            part.register_forward_pre_hook(lambda *_: self._cancel.check())
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

    def _keep(self, count: int) -> int:
        if not self._only_attention:
            self._clear()
            return 0
        if surplus := len(self._tokens) - count:
            self._cache.crop(-surplus)
        return count

    def _forget_half(self) -> None:
        """Take out of the cache what a pass left there that was called off in its middle."""
        if self._only_attention:
            for layer in self._cache.layers:
                if layer.is_initialized and (surplus := layer.get_seq_length() - len(self._tokens)):
                    layer.crop(-surplus)
        else:
            self.shrink()

    @torch.inference_mode()
    def _append(self, ids: Sequence[int], cancel: CancelToken) -> Logits:
        batch, self._cancel = torch.tensor([ids], device=self._model.device), cancel
        try:
            output = self._model(
                batch, use_cache=True, **{self._cache_argument: self._cache}, **self._options
            )
        except Cancelled:
            self._forget_half()
            raise
        except Exception as error:
            raise ModelError(_failure(error)) from error
        logits: Logits = output.logits[0, -1].float().cpu().numpy()
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
        raise ModelError(
            f"{wanted} can't be had for this model on this machine's CPU; set precision to auto."
        )
    return wanted


def _has_int8() -> bool:
    """Tell whether this CPU's PyTorch can pack and multiply int8 weights."""
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return False
    torch.backends.quantized.engine = "fbgemm"
    return True


def _parts(model: Any) -> Iterator[Any]:
    """Yield the model's layers and what they are made of: between two of them a pass can be called off."""
    for layers in model.modules():
        if isinstance(layers, torch.nn.ModuleList):
            for layer in layers:
                yield layer
                yield from layer.children()


def _only_attention(model: Any) -> bool:
    """Tell whether every layer keeps plain keys and values, which can be cut at any token."""
    from transformers import DynamicCache
    from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer, DummyLayer) for layer in layers)


def _failure(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
        return "there is not enough memory for the model; choose a smaller one, or lower prefixTokens."
    return f"the model failed ({short(error)}); run `slm-lsp doctor`."
