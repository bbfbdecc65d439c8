"""The forward pass: token ids and a cache in, the last position's logits out."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.llama.cache import KVCache
from slm_lsp.engine.llama.linear import Int8Embedding, Linear
from slm_lsp.engine.llama.shape import Shape


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer; q, k and v are fused to one product, gate and up to another.

    The rows of q and k are in the interleaved order of rotary channels (see `interleave`).
    """

    attention_norm: Tensor
    qkv: Linear
    o: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything the forward pass reads."""

    embed: Int8Embedding
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Linear


def interleave(rows: Tensor, heads: int) -> Tensor:
    """Reorder rows of q or k from half-split rotary channels (Hugging Face) to interleaved pairs.

    `rows` is [heads * head, ...]. Pairs that stand together are complex numbers, so that rotating a head
    is one complex product. Attention scores do not change: q and k are reordered alike.
    """
    split = rows.reshape(heads, 2, -1, *rows.shape[1:])
    return split.transpose(1, 2).reshape(rows.shape)


class LlamaModel:
    """Weights, rotary table and forward pass; holds no state of any sequence."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        self.shape = shape
        self._weights = weights
        frequency = shape.rope_theta ** (-torch.arange(0, shape.head, 2, dtype=torch.float64) / shape.head)
        angle = torch.outer(torch.arange(shape.context, dtype=torch.float64), frequency)
        self._rotation = torch.polar(torch.ones_like(angle), angle).to(torch.complex64)

    def forward(self, ids: Tensor, cache: KVCache, cancel: CancelToken) -> Tensor:
        """Append `ids` ([n], n >= 1) to the cache and return the hidden state of the last: [1, hidden].

        The caller adds the ids to `cache.tokens` afterwards: when `cancel` interrupts the pass between two
        layers, the cache still holds exactly what it held before.
        """
        shape, weights = self.shape, self._weights
        start, count = len(cache), len(ids)
        end = start + count
        cache.reserve(end)
        rotation = self._rotation[start:end, None]
        # Row i of a chunk sees all that is cached and the chunk's rows up to itself.
        mask = torch.ones(count, end, dtype=torch.bool).tril_(start) if count > 1 else None
        rotated = shape.heads + shape.kv_heads
        x = weights.embed(ids)
        last = len(weights.layers) - 1
        for index, layer in enumerate(weights.layers):
            cancel.check()
            qkv = layer.qkv(rms_norm(x, (shape.hidden,), layer.attention_norm, shape.norm_epsilon))
            qkv = qkv.view(count, -1, shape.head)
            pairs = torch.view_as_complex(qkv[:, :rotated].reshape(count, rotated, -1, 2)) * rotation
            turned = torch.view_as_real(pairs).view(count, rotated, shape.head).transpose(0, 1)
            keys, values = cache.keys[index, :, :end], cache.values[index, :, :end]
            keys[:, start:] = turned[shape.heads :]
            values[:, start:] = qkv[:, rotated:].transpose(0, 1)
            query = turned[: shape.heads]
            if index == last and count > 1:
                # Only the last position is asked for: the rest of the last layer is its alone.
                query, x, mask = query[:, -1:], x[-1:], None
            attended = scaled_dot_product_attention(
                query[None], keys[None], values[None], attn_mask=mask, enable_gqa=True
            )
            x = x + layer.o(attended[0].transpose(0, 1).reshape(len(x), -1))
            gate, up = layer.gate_up(rms_norm(x, (shape.hidden,), layer.mlp_norm, shape.norm_epsilon)).chunk(
                2, -1
            )
            x = x + layer.down(silu(gate) * up)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """Turn hidden states [n, hidden] into logits [n, vocabulary]."""
        normal = rms_norm(hidden, (self.shape.hidden,), self._weights.norm, self.shape.norm_epsilon)
        return self._weights.head(normal)
