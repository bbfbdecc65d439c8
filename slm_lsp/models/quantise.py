"""Weights of a Llama-shaped model as the lean engine reads them: in panels, products fused.

Rows of a matrix stand in panels of `PANEL`, the last filled up with zeros, in the order in which the engine
multiplies: [panels, inputs, PANEL], in float32, float16, or bfloat16 with its bits as uint16.

In int8 a row is cut into groups of up to `GROUP` inputs, each with a scale of its own; a weight is its int8
value times its group's scale. Within a panel the values of two neighbouring inputs stand together: int8
[panels, inputs / 2, PANEL, 2], and the scales float32 [panels, groups, PANEL].

In int4 the matrices of the layers hold values of 0 to 15, which are kept less 8; a weight is that times its
group's scale, and its group's offset on top. Bytes [panels, inputs / 2, PANEL] hold, of the 2 * PANEL values
of two neighbouring inputs in the order of int8, one of the first half in their lower four bits and its fellow
of the second half above; float16 [panels, groups, 2, PANEL] hold scales and offsets. The embedding and the
head, which are looked up in and chosen by, stay int8.

The file ``model.int8.safetensors`` holds, for each layer ``i``, a ``.weight`` and a ``.scale`` of

======================  ===========================================================================
``layers.{i}.qkv``      rows of query, key and value heads, times hidden size
``layers.{i}.o``        hidden size, times rows of the query heads
``layers.{i}.gate_up``  panels of the gate's rows and of the up projection's in turn, times hidden size
``layers.{i}.down``     hidden size, times intermediate size
======================  ===========================================================================

and in float32 ``layers.{i}.attn_norm`` and ``layers.{i}.mlp_norm`` (hidden size); where the model has them
``layers.{i}.qkv.bias`` (one for each row) and ``layers.{i}.q_norm``, ``layers.{i}.k_norm`` (head size).
Besides ``norm``, ``embed.weight`` with ``embed.scale`` (rows of the vocabulary, times hidden size), and
``head.weight`` with ``head.scale`` unless the head is tied to the embedding. The files of other formats, such
as ``model.float32.safetensors``, hold the same but the scales.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.layout import Lean, form_of

Floats = NDArray[np.float32]

PANEL = 16
"""Rows of a panel: as wide as the engine's tiles."""

GROUP = 32
"""Inputs that share a scale, at most. Of the embedded model's first choices in 3,840 places of Python's
library 98.05% are then those of float32 weights; with 64 it is 97.6%, with a scale for each row 96.7%."""

REFITTED = 3
"""Times that the scales of int4 are fitted: more change nothing that can be measured."""

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


def group_size(inputs: int) -> int:
    """Return how many inputs share a scale: the largest power of two up to `GROUP` that divides them.

    Raises:
        ModelInvalid: the width can't be cut into whole vectors.
    """
    size = GROUP
    while inputs % size:
        size //= 2
    if size < PANEL:
        raise ModelInvalid(
            f"The model has a width of {inputs}, no multiple of {PANEL}; set precision to float32."
        )
    return size


def quantise_groups(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return int8 values [rows, inputs] and scales [rows, groups]: a group's greatest magnitude over 127.

    The error of a weight is at most half its group's scale. The scale of a group of zeros is 1.
    """
    grouped = weight.reshape(len(weight), -1, group_size(weight.shape[1]))
    greatest = np.abs(grouped).max(axis=2)
    scale = np.where(greatest > 0, greatest / 127, 1).astype(np.float32)
    values = np.rint(grouped / scale[:, :, None]).clip(-127, 127).astype(np.int8)
    return values.reshape(weight.shape), scale


def quantise_halves(weight: Floats) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Return values of 0 to 15 [rows, inputs], and scales and offsets [rows, groups, 2].

    A weight is its value less 8, times its group's scale, plus its offset. Both are fitted to the values by
    least squares, and the values to them, in turns, from a group's least and greatest weights on.
    """
    grouped = weight.reshape(len(weight), -1, group_size(weight.shape[1]))
    least, most = grouped.min(axis=2, keepdims=True), grouped.max(axis=2, keepdims=True)
    scale, offset = (most - least) / 15, least + (most - least) * (8 / 15)
    for _ in range(REFITTED):
        values = _nearest(grouped, scale, offset)
        centred = values - values.mean(axis=2, keepdims=True)
        spread = (centred * centred).sum(axis=2, keepdims=True)
        scale = np.where(
            spread > 0, (centred * grouped).sum(axis=2, keepdims=True) / np.maximum(spread, 1), scale
        )
        offset = grouped.mean(axis=2, keepdims=True) - scale * values.mean(axis=2, keepdims=True)
    fitted = np.concatenate((scale, offset), axis=2)
    if np.abs(fitted).max() > np.finfo(np.float16).max:
        raise ModelInvalid("The model's weights are too large for int4; set precision to int8.")
    kept = fitted.astype(np.float16)
    scale, offset = kept[:, :, :1].astype(np.float32), kept[:, :, 1:].astype(np.float32)
    values = _nearest(grouped, scale, offset) + 8
    return values.astype(np.uint8).reshape(weight.shape), kept


def _nearest(grouped: Floats, scale: Floats, offset: Floats) -> Floats:
    """Return the values, -8 to 7, that come nearest to weights."""
    nearest: Floats = np.rint((grouped - offset) / np.where(scale > 0, scale, 1)).clip(-8, 7)
    return nearest


def rounded(weight: Floats, form: Lean) -> NDArray[Any]:
    """Return a matrix in another format of floats, as nearly as that can say; bfloat16 as its bits."""
    if form != "bfloat16":
        return weight.astype(form)
    bits = np.ascontiguousarray(weight, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def panels(values: NDArray[Any]) -> NDArray[Any]:
    """Reorder [rows, inputs] to [panels, inputs, PANEL], int8 to [panels, inputs / 2, PANEL, 2].

    Values of int4, which are uint8, become bytes [panels, inputs / 2, PANEL].
    """
    rows, inputs = values.shape
    filled = np.zeros((-(-rows // PANEL) * PANEL, inputs), values.dtype)
    filled[:rows] = values
    if values.dtype in (np.int8, np.uint8):
        paired = filled.reshape(-1, PANEL, inputs // 2, 2).transpose(0, 2, 1, 3)
        if values.dtype == np.int8:
            return np.ascontiguousarray(paired)
        halves = (paired.reshape(-1, inputs // 2, 2, PANEL) - 8) & 15
        return np.ascontiguousarray(halves[:, :, 0] | halves[:, :, 1] << 4).view(np.int8)
    return np.ascontiguousarray(filled.reshape(-1, PANEL, inputs).transpose(0, 2, 1))


def scale_panels(scale: NDArray[Any]) -> NDArray[Any]:
    """Reorder scales [rows, groups] to [panels, groups, PANEL], int4's to [panels, groups, 2, PANEL]."""
    rows, *inner = scale.shape
    filled = np.ones((-(-rows // PANEL) * PANEL, *inner), scale.dtype)
    filled[:rows] = scale
    return np.ascontiguousarray(np.moveaxis(filled.reshape(-1, PANEL, *inner), 1, -1))


def has_place(name: str) -> bool:
    """Whether `fuse` knows a tensor by its Hugging Face name."""
    if name == "model.norm.weight" or name in _OUTER:
        return True
    _, module, kind = match.groups() if (match := _LAYER.fullmatch(name)) else ("", "", "")
    if kind == "bias":
        return _FUSED.get(module, ("", 0))[0] == "qkv"
    return module in _KEPT or module in _FUSED


def fuse(tensors: Iterable[tuple[str, Floats]], form: Lean = "int8") -> dict[str, NDArray[Any]]:
    """Round the tensors of a Llama-shaped model, which come under their Hugging Face names in any order.

    Each tensor is let go of once it is rounded, so an iterator that reads them one by one keeps memory low.

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
        layer, module, kind = match.groups() if (match := _LAYER.fullmatch(name)) else ("", "", "")
        if name == "model.norm.weight":
            out["norm"] = tensor
        elif module in _KEPT and kind == "weight":
            out[f"layers.{layer}.{_KEPT[module]}"] = tensor
        elif module in _FUSED and kind == "bias" and _FUSED[module][0] == "qkv":
            parts.setdefault(f"layers.{layer}.qkv.bias", {})[_FUSED[module][1]] = tensor
        elif name in _OUTER or (module in _FUSED and kind == "weight"):
            target, place = (_OUTER[name], 0) if name in _OUTER else _FUSED[module]
            target = f"layers.{layer}.{target}" if layer else target
            values, scale = _matrix(tensor, form_of(target, form))
            parts.setdefault(f"{target}.weight", {})[place] = values
            if scale is not None:
                parts.setdefault(f"{target}.scale", {})[place] = scale
        else:
            raise ModelInvalid(f"The model is not of Llama's shape: there is no place for its tensor {name}.")
    for name, found in parts.items():
        target, kind = name.split(".")[-2:]
        if len(found) != _PARTS.get(target, 1):
            raise ModelInvalid(f"The model is not of Llama's shape: it has only a part of {name}.")
        order = {"weight": panels, "scale": scale_panels}.get(kind, np.asarray)
        together = [found[place] for place in sorted(found)]
        out[name] = (
            _alternating(*map(order, together)) if target == "gate_up" else order(np.concatenate(together))
        )
    _check_complete(out)
    return out


def _matrix(tensor: Floats, form: Lean) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return a matrix in a number format, and its scales if that has any."""
    if form == "int8":
        return quantise_groups(tensor)
    return quantise_halves(tensor) if form == "int4" else (rounded(tensor, form), None)


def _alternating(gate: NDArray[Any], up: NDArray[Any]) -> NDArray[Any]:
    """Let panels of one and the other take turns."""
    if gate.shape != up.shape:
        raise ModelInvalid("The model is not of Llama's shape: its gate and up projections differ in size.")
    return np.stack((gate, up), axis=1).reshape(-1, *gate.shape[1:])


def _check_complete(tensors: dict[str, NDArray[Any]]) -> None:
    layers = {int(name.split(".")[1]) for name in tensors if name.startswith("layers.")}
    needed = ["embed.weight", "norm"]
    for layer in range(max(layers, default=0) + 1):
        needed += [f"layers.{layer}.{part}.weight" for part in _PARTS]
        needed += [f"layers.{layer}.attn_norm", f"layers.{layer}.mlp_norm"]
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise ModelInvalid(f"The model is not of Llama's shape: it lacks {missing[0]}.")
