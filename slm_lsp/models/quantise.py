"""Weights of a Llama-shaped model as the lean engine reads them: symmetric int8 by row, products fused.

The file ``model.int8.safetensors`` holds, for each layer ``i``:

=============================  =========  ==========================================================
``layers.{i}.qkv.weight``      int8       rows of query, key and value heads, times hidden size
``layers.{i}.o.weight``        int8       hidden size, times rows of the query heads
``layers.{i}.gate_up.weight``  int8       the gate's rows, then the up projection's, times hidden size
``layers.{i}.down.weight``     int8       hidden size, times intermediate size
``layers.{i}.*.scale``         float32    one for each row of the weight beside it
``layers.{i}.*.bias``          float32    one for each row, where the model has biases
``layers.{i}.attn_norm``       float32    hidden size
``layers.{i}.mlp_norm``        float32    hidden size
``layers.{i}.q_norm``          float32    head size, where the model has it (and ``k_norm``)
=============================  =========  ==========================================================

and ``norm`` (float32), ``embed.weight`` with ``embed.scale`` (vocabulary times hidden size), and
``head.weight`` with ``head.scale`` unless the head is tied to the embedding. A row's weights are its
int8 values times its scale.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import ModelInvalid

Floats = NDArray[np.float32]

_FUSED = {
    "self_attn.q_proj": ("qkv", 0),
    "self_attn.k_proj": ("qkv", 1),
    "self_attn.v_proj": ("qkv", 2),
    "self_attn.o_proj": ("o", 0),
    "mlp.gate_proj": ("gate_up", 0),
    "mlp.up_proj": ("gate_up", 1),
    "mlp.down_proj": ("down", 0),
}
_PARTS = {"qkv": 3, "o": 1, "gate_up": 2, "down": 1}
_KEPT = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "mlp_norm",
    "self_attn.q_norm": "q_norm",
    "self_attn.k_norm": "k_norm",
}
_OUTER = {"model.embed_tokens.weight": "embed", "lm_head.weight": "head"}
_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)")


def quantise_rows(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return int8 values of `weight`'s shape, and for each row its scale: its greatest magnitude over 127.

    The error of a weight is at most half its row's scale. The scale of a row of zeros is 1.
    """
    greatest = np.abs(weight).max(axis=1)
    scale = np.where(greatest > 0, greatest / 127, 1).astype(np.float32)
    return np.rint(weight / scale[:, None]).clip(-127, 127).astype(np.int8), scale


def fuse(tensors: Iterable[tuple[str, Floats]]) -> dict[str, NDArray[Any]]:
    """Quantise the tensors of a Llama-shaped model, which come under their Hugging Face names in any order.

    Each tensor is let go of once it is quantised, so an iterator that reads them one by one keeps memory low.

    Raises:
        ModelInvalid: a tensor has no place in the layout, is not finite, or one is missing.
    """
    out: dict[str, NDArray[Any]] = {}
    parts: dict[str, dict[int, NDArray[Any]]] = {}
    for name, tensor in tensors:
        if not np.isfinite(tensor).all():
            raise ModelInvalid(
                f"The model's tensor {name} holds values that are not numbers; fetch it again."
            )
        if name in _OUTER:
            out[f"{_OUTER[name]}.weight"], out[f"{_OUTER[name]}.scale"] = quantise_rows(tensor)
            continue
        if name == "model.norm.weight":
            out["norm"] = tensor
            continue
        layer, module, kind = match.groups() if (match := _LAYER.fullmatch(name)) else ("", "", "")
        if module in _KEPT and kind == "weight":
            out[f"layers.{layer}.{_KEPT[module]}"] = tensor
        elif module in _FUSED:
            target, place = _FUSED[module]
            if kind == "bias":
                parts.setdefault(f"layers.{layer}.{target}.bias", {})[place] = tensor
            else:
                weight, scale = quantise_rows(tensor)
                parts.setdefault(f"layers.{layer}.{target}.weight", {})[place] = weight
                parts.setdefault(f"layers.{layer}.{target}.scale", {})[place] = scale
        else:
            raise ModelInvalid(f"The model is not of Llama's shape: there is no place for its tensor {name}.")
    for name, found in parts.items():
        if len(found) != _PARTS[name.split(".")[2]]:
            raise ModelInvalid(f"The model is not of Llama's shape: it has only a part of {name}.")
        out[name] = np.concatenate([found[place] for place in sorted(found)])
    _check_complete(out)
    return out


def _check_complete(tensors: dict[str, NDArray[Any]]) -> None:
    layers = {int(name.split(".")[1]) for name in tensors if name.startswith("layers.")}
    needed = ["embed.weight", "norm"]
    for layer in range(max(layers, default=0) + 1):
        needed += [f"layers.{layer}.{part}.weight" for part in _PARTS]
        needed += [f"layers.{layer}.attn_norm", f"layers.{layer}.mlp_norm"]
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise ModelInvalid(f"The model is not of Llama's shape: it lacks {missing[0]}.")
