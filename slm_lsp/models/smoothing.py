"""Moving a model's outliers from its activations, which are rounded coarsely, to its weights, which are not.

A few channels of a language model's activations are tens of times larger than the rest, and rounding a row
with one scale then leaves little of the others. Dividing an input channel by a factor and multiplying the
weights that read it by the same changes nothing in exact arithmetic; the factors of SmoothQuant (Xiao et al.
2023), ``peak(activation) ** a / peak(weight) ** (1 - a)``, spread the range over both. The division costs
nothing at run time: it goes into the norm, or into the rows of the product, that the channel comes from.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.models.quantise import Floats

STRENGTH = 0.6
"""`a` above: of 0.4 to 0.8, 0.6 left the embedded model's loss nearest to that of its float weights."""

_TINY = 1e-5

Tensors = dict[str, Floats]


def smooth(tensors: Tensors, config: Mapping[str, Any], sample: Sequence[int]) -> None:
    """Smooth a Llama model in place, for the activations that the token ids `sample` bring about.

    `tensors` holds every weight under its Hugging Face name, `config` is its ``config.json``.
    """
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    peaks = activation_peaks(tensors, config, sample)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."

        def factor(place: str, *names: str, at: str = at) -> Floats:
            weights = np.max([np.abs(tensors[f"{at}{name}.weight"]).max(axis=0) for name in names], axis=0)
            strength = np.maximum(peaks[f"{at}{place}"], _TINY) ** STRENGTH
            return _centred(strength / np.maximum(weights, _TINY) ** (1 - STRENGTH))

        def scale(factor: Floats, *names: str, at: str = at) -> None:
            for name in names:
                tensors[f"{at}{name}.weight"] = tensors[f"{at}{name}.weight"] * factor

        attention = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
        qkv = factor("qkv", *attention)
        scale(qkv, *attention)
        scale(np.reciprocal(qkv), "input_layernorm")

        # Query heads share value heads, and so the factors of their channels.
        o = np.log(factor("o", "self_attn.o_proj")).reshape(kv_heads, heads // kv_heads, -1)
        values = np.exp(o.mean(axis=1))
        scale(np.repeat(values, heads // kv_heads, axis=0).ravel(), "self_attn.o_proj")
        _divide_rows(tensors, f"{at}self_attn.v_proj", values.ravel())

        gate_up = factor("gate_up", "mlp.gate_proj", "mlp.up_proj")
        scale(gate_up, "mlp.gate_proj", "mlp.up_proj")
        scale(np.reciprocal(gate_up), "post_attention_layernorm")

        down = factor("down", "mlp.down_proj")
        scale(down, "mlp.down_proj")
        _divide_rows(tensors, f"{at}mlp.up_proj", down)


def activation_peaks(tensors: Tensors, config: Mapping[str, Any], sample: Sequence[int]) -> dict[str, Floats]:
    """Run the model over token ids; return the largest magnitude of each input channel of its products.

    The keys are ``model.layers.{i}.`` with ``qkv``, ``o``, ``gate_up`` and ``down``.
    """
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head, epsilon = config["head_dim"], config["rms_norm_eps"]
    count, group = len(sample), heads // kv_heads
    cos, sin = _rotation(count, head, config["rope_theta"])
    mask = np.where(np.tri(count, dtype=bool), 0, -np.inf).astype(np.float32)
    peaks: dict[str, Floats] = {}
    x = tensors["model.embed_tokens.weight"][np.asarray(sample)]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."

        def product(rows: Floats, name: str, at: str = at) -> Floats:
            bias = tensors.get(f"{at}{name}.bias")
            result: Floats = rows @ tensors[f"{at}{name}.weight"].T
            return result if bias is None else result + bias

        def noted(rows: Floats, place: str, at: str = at) -> Floats:
            peaks[at + place] = np.abs(rows).max(axis=0)
            return rows

        rows = noted(_rms_norm(x, tensors[f"{at}input_layernorm.weight"], epsilon), "qkv")
        q = _rotated(product(rows, "self_attn.q_proj").reshape(count, heads, head), cos, sin)
        k = _rotated(product(rows, "self_attn.k_proj").reshape(count, kv_heads, head), cos, sin)
        v = product(rows, "self_attn.v_proj").reshape(count, kv_heads, head)
        k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(np.float32(head)) + mask
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        rows = noted(np.einsum("hqk,khd->qhd", weights, v).reshape(count, -1), "o")
        x = x + product(rows, "self_attn.o_proj")

        rows = noted(_rms_norm(x, tensors[f"{at}post_attention_layernorm.weight"], epsilon), "gate_up")
        gate = product(rows, "mlp.gate_proj")
        rows = noted(gate / (1 + np.exp(-gate)) * product(rows, "mlp.up_proj"), "down")
        x = x + product(rows, "mlp.down_proj")
    return peaks


def _centred(factor: Floats) -> Floats:
    """Divide by the geometric mean: a factor that all channels share would change nothing."""
    centred: Floats = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
    return centred


def _divide_rows(tensors: Tensors, name: str, factor: Floats) -> None:
    tensors[f"{name}.weight"] = tensors[f"{name}.weight"] / factor[:, None]
    if (bias := tensors.get(f"{name}.bias")) is not None:
        tensors[f"{name}.bias"] = bias / factor


def _rms_norm(x: Floats, weight: Floats, epsilon: float) -> Floats:
    normal: Floats = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(epsilon)) * weight
    return normal


def _rotation(count: int, head: int, theta: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    frequency = theta ** (-np.arange(0, head, 2) / head)
    angle = np.outer(np.arange(count), frequency)[:, None]
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _rotated(rows: Floats, cos: Floats, sin: Floats) -> Floats:
    """Apply rotary embedding to [count, heads, head] in Hugging Face's half-split order."""
    first, second = np.split(rows, 2, axis=-1)
    return np.concatenate((first * cos - second * sin, second * cos + first * sin), axis=-1)
