"""Reads a model's weights through transformers: safetensors or GGUF, no code of the folder, no connection."""

import inspect
import textwrap
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slm_lsp.engine.int8 import Int8Linear
from slm_lsp.errors import ModelError, ModelInvalid

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

CACHE_ARGUMENTS = ("past_key_values", "cache_params")
"""What a forward pass calls its cache: attention models the first, state-space models the second."""

ROUTERS = ("gate", "router")
"""Names of the layers that choose among experts: tiny, and a rounding there picks another expert."""


def read(folder: Path, gguf: Path | None, precision: str) -> tuple[Any, int]:
    """Read a folder, or the GGUF file `gguf` in it: the model, on the CPU, and how many parameters it has.

    `precision` is a key of `DTYPES` or ``int8``.

    Raises:
        ModelInvalid: the files are partial, of a kind that is refused, or of an unknown architecture.
        ModelError: there is not enough memory.
    """
    source = gguf or folder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, report = _from_pretrained(source, gguf, DTYPES.get(precision))
    _refuse_gaps(source, report)
    if not any(name in inspect.signature(model.forward).parameters for name in CACHE_ARGUMENTS):
        raise ModelInvalid(
            f"{source} is a {model.config.model_type} model, which keeps no cache; choose another."
        )
    parameters: int = model.num_parameters()
    if precision == "int8":
        _quantise(model)
    return model, parameters


def short(error: BaseException) -> str:
    """Return an error of a library as one short phrase."""
    return textwrap.shorten(str(error).strip() or type(error).__name__, 200, placeholder=" …").rstrip(".")


def _from_pretrained(
    source: Path, gguf: Path | None, dtype: torch.dtype | None
) -> tuple[Any, Mapping[str, Any]]:
    """Read the model in `dtype`, or in its own if that is None; also return what did not fit."""
    from transformers import AutoModelForCausalLM, GgufConfig
    from transformers.utils import logging

    # What matters comes back as an error; the library's own notes and bars would be noise in an editor's log.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_default_handler()
    logging.enable_propagation()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    options: dict[str, Any] = {"dtype": dtype or "auto"}
    if gguf:
        # Left in its blocks, a GGUF would be computed by kernels that transformers fetches from the hub.
        options |= {"gguf_file": gguf.name, "quantization_config": GgufConfig(dequantize=True)}
    from_pretrained: Any = AutoModelForCausalLM.from_pretrained
    try:
        model, report = from_pretrained(
            gguf.parent if gguf else source,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except MemoryError:
        raise ModelError(f"{source} does not fit in memory; choose a smaller model.") from None
    except Exception as error:
        raise ModelInvalid(
            f"{source} can't be loaded ({short(error)}); check its files or pull it again."
        ) from error
    return model, report


def _refuse_gaps(source: Path, report: Mapping[str, Any]) -> None:
    """Refuse weights that transformers would have filled with random numbers."""
    gaps = [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]
    if gaps:
        raise ModelInvalid(
            f"{source} lacks {len(gaps)} of its weights or has them in a wrong size, first {min(gaps)}; "
            "pull it again."
        )


class _QuantisedLinear(nn.Module):
    """An `nn.Linear` in int8 with a scale per output row: [..., in] -> [..., out]."""

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__()
        weight = dense.weight.detach().float()
        scale = weight.abs().amax(1).clamp_min(1e-12) / 127
        self._linear = Int8Linear((weight / scale[:, None]).round().to(torch.int8), scale)
        self.bias = dense.bias
        # Some models ask a layer's weight for its number format.
        self.register_buffer("weight", torch.empty(0))

    def forward(self, x: Tensor) -> Tensor:
        y = self._linear(x.reshape(-1, x.shape[-1])).view(*x.shape[:-1], -1)
        return y if self.bias is None else y + self.bias


def _quantise(model: nn.Module) -> None:
    """Turn linear layers to int8, one by one so that no second copy of all is held; the rest to float32."""
    chosen = matrices(model)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if child in chosen:
                setattr(parent, name, _QuantisedLinear(child))
    model.float()


@torch.inference_mode()
def matrices(model: nn.Module) -> set[nn.Linear]:
    """Return the linear layers that may be rounded: all but routers that a forward pass calls.

    Of the others some models read the weights directly.
    """
    called: set[nn.Linear] = set()
    layers = [
        layer
        for name, layer in model.named_modules()
        if type(layer) is nn.Linear and name.rpartition(".")[2] not in ROUTERS
    ]
    hooks = [layer.register_forward_hook(lambda layer, *_: called.add(layer)) for layer in layers]
    model(torch.zeros(1, 1, dtype=torch.int64, device=next(model.parameters()).device))
    for hook in hooks:
        hook.remove()
    return called
