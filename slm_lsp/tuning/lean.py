"""A lean forward pass of Llama-like models with LoRA, for training on a CPU.

It computes what the transformers model with its peft layers computes (a test holds them together), with fewer
and larger matrix products: the projections that share an input are one, LoRA adds into its layer's output in
place, and nothing is kept for the backward pass that can be cheaply had again.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name

CHUNK = 128
"""Rows of logits at a time: with a vocabulary of 50,000 they take 25 MB and stay in a large cache."""


ROUND = 128
"""Rows of the matrices are a multiple of this: what oneDNN prepares for the products of one shape takes tens
of megabytes, and is kept."""


class _LoraLinear(torch.autograd.Function):
    """``x Wᵀ + (x Aᵀ) Bᵀ``, plus a residual if there is one; W is frozen. Shapes: x [N, in], A [r, in], B
    [out, r]. Products are taken in W's type; what goes in and comes out is float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, residual: Tensor | None) -> Tensor:
        x, a, b = (one.to(weight.dtype) for one in (x, a, b))
        low = x @ a.T
        out = (x @ weight.T).addmm_(low, b.T)
        ctx.save_for_backward(x, low, weight, a, b)
        ctx.has_residual = residual is not None
        return out.float() if residual is None else residual + out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, low, weight, a, b = ctx.saved_tensors
        some = grad.to(weight.dtype)
        grad_low = some @ b
        grad_x = (some @ weight).addmm_(grad_low, a)
        grad_a, grad_b = grad_low.T @ x, some.T @ low
        return grad_x.float(), None, grad_a.float(), grad_b.float(), grad if ctx.has_residual else None


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        scale = (x.square().mean(-1, keepdim=True) + eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        grad = grad * weight
        inner = (grad * x).mean(-1, keepdim=True).mul_(scale.pow(3))
        return grad.mul_(scale).addcmul_(x, inner, value=-1.0), None, None


class _Swiglu(torch.autograd.Function):
    """``silu(g) * u`` of [N, 2 I], the gate first."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        ctx.save_for_backward(both)
        gate, up = both.chunk(2, -1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, -1)
        out = torch.empty_like(both)
        d_gate, d_up = out.chunk(2, -1)
        sigmoid = torch.sigmoid(gate)
        silu = sigmoid * gate
        torch.mul(grad, silu, out=d_up)
        # silu' = sigmoid + silu * (1 - sigmoid)
        torch.addcmul(sigmoid, silu, 1 - sigmoid, out=d_gate)
        d_gate.mul_(grad).mul_(up)
        return out


class _TokenLosses(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        rows: Tensor,
        special: Tensor,
        targets: Tensor,
        weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        losses = torch.empty(len(targets))
        grad_hidden, grad_rows = torch.empty_like(hidden), torch.zeros_like(rows)
        for at in range(0, len(targets), CHUNK):
            part = slice(at, at + CHUNK)
            some, target = hidden[part], targets[part, None]
            logits = some @ head.T
            logits.index_add_(1, special, some @ rows.T)
            logits.sub_(logits.logsumexp(-1, keepdim=True))
            losses[part] = -logits.gather(1, target)[:, 0]
            slope = logits.exp_().scatter_add_(1, target, torch.full_like(target, -1.0, dtype=logits.dtype))
            slope.mul_(weights[part, None])
            special_slope = slope[:, special]
            grad_hidden[part] = (slope @ head).addmm_(special_slope, rows)
            grad_rows.addmm_(special_slope.T, some)
        ctx.save_for_backward(grad_hidden, grad_rows)
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden, grad_rows = ctx.saved_tensors
        return grad_hidden * grad, None, grad_rows * grad, None, None, None


def token_losses(
    hidden: Tensor, head: Tensor, rows: Tensor, special: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum, which has a gradient, of the cross-entropies of tokens, and these, nats [N].

    `hidden` is [N, D]; `rows` [S, D] are added to the frozen head's rows `special` [S]. The logits exist
    only `CHUNK` rows at a time: the gradient with respect to `hidden` is worked out along with the losses.
    """
    total, losses = _TokenLosses.apply(  # type: ignore[no-untyped-call]
        hidden, head, rows, special, targets, weights
    )
    return total, losses


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    out: Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return out


@dataclass(frozen=True, slots=True)
class _Fused:
    """Frozen weights of projections that share their input, stacked, and their LoRA layers."""

    weight: Tensor
    layers: list[Any]

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        low = [layer.lora_A["default"].weight for layer in self.layers]
        high = [layer.lora_B["default"].weight * layer.scaling["default"] for layer in self.layers]
        a, b = low[0], high[0]
        if len(self.layers) > 1:
            a, b = torch.cat(low), torch.block_diag(*high)  # type: ignore[no-untyped-call]
        return _apply(_LoraLinear, x, self.weight, a, b, residual)


class LeanBody(nn.Module):
    """The layers of a Llama model, from embeddings to the last normalised hidden state, [B, T, D] to [B, T,
    D].

    `products` is the type in which matrices are multiplied (see `fast_products`); all else is float32.
    """

    def __init__(self, model: Any, products: torch.dtype = torch.float32) -> None:
        super().__init__()
        config = model.config
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._eps = config.rms_norm_eps
        self._rotary, self._norm = model.rotary_emb, model.norm.weight
        self._layers = [
            (
                layer.input_layernorm.weight,
                _fused(products, layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj),
                _fused(products, layer.self_attn.o_proj),
                layer.post_attention_layernorm.weight,
                _fused(products, layer.mlp.gate_proj, layer.mlp.up_proj),
                _fused(products, layer.mlp.down_proj),
            )
            for layer in model.layers
        ]

    def forward(self, embedded: Tensor) -> Tensor:
        """Run the layers under a causal mask."""
        rows, length, width = embedded.shape
        cos, sin = self._rotary(embedded, torch.arange(length)[None])
        cos, sin = cos[0, :, None], sin[0, :, None]
        count = rows * length
        hidden = _padded(embedded.reshape(count, width))
        for norm_in, qkv, out, norm_mlp, gate_up, down in self._layers:
            x = _apply(_RmsNorm, hidden, norm_in, self._eps)
            heads = qkv(x)[:count].view(rows, length, self._heads + 2 * self._kv_heads, -1)
            turned, value = torch.split(heads, [self._heads + self._kv_heads, self._kv_heads], 2)
            first, second = turned.chunk(2, -1)
            turned = turned * cos + torch.cat((-second, first), -1) * sin
            query, key = torch.split(turned, [self._heads, self._kv_heads], 2)
            mixed = F.scaled_dot_product_attention(
                query.transpose(1, 2),
                key.transpose(1, 2),
                value.transpose(1, 2),
                is_causal=True,
                enable_gqa=True,
            )
            hidden = out(_padded(mixed.transpose(1, 2).reshape(count, -1)), hidden)
            x = _apply(_RmsNorm, hidden, norm_mlp, self._eps)
            hidden = down(_apply(_Swiglu, gate_up(x)), hidden)
        return _apply(_RmsNorm, hidden[:count], self._norm, self._eps).view(rows, length, width)


def _padded(x: Tensor) -> Tensor:
    return F.pad(x, (0, 0, 0, -len(x) % ROUND))


def can_be_lean(config: Any) -> bool:
    """Whether a model's configuration is one that `LeanBody` computes."""
    biased = getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False)
    return config.model_type == "llama" and config.hidden_act == "silu" and not biased


def fast_products() -> torch.dtype:
    """Return the type in which this machine multiplies matrices fastest.

    bfloat16 where the processor has products of it, twice as fast as those of float32: mixed precision as in
    Micikevicius et al. 2018, which bfloat16 needs no scaling of the loss for (Kalamkar et al. 2019).
    """
    return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32


def _fused(products: torch.dtype, *layers: Any) -> _Fused:
    weights = [layer.get_base_layer().weight for layer in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights).detach()
    return _Fused(weight.to(products), list(layers))
