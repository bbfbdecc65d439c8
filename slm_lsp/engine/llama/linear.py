"""Linear layers: int8 with per-row activations, or dense."""

import warnings
from typing import Protocol

import torch
from torch import Tensor

ACTIVATION_STEPS = 63
"""Activations are quantised to -63..63: the AVX2 kernels add pairs of u8 x s8 products in 16 bits, and
127 * 127 * 2 is the largest such sum that can't overflow (FBGEMM's `reduce_range`)."""


class Linear(Protocol):
    """y = x W^T for rows x: [rows, in] -> [rows, out]."""

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer to float32 rows."""


class Int8Linear:
    """int8 weights with a scale per output row, activations quantised to 7 bits with a scale per input row.

    PyTorch's dynamic quantisation takes one activation scale for all rows of a batch, so that one row with
    an outlier ruins the others and the result of a token depends on its neighbours. Here every row is
    divided by its own largest magnitude first and the kernel's scale is fixed; integer sums are exact, so a
    row's result is the same to the bit whatever batch it is computed in. Decoding token by token, in
    prefill chunks or in a verification pass therefore meets the same linear layers.
    """

    def __init__(self, weight: Tensor, scale: Tensor, fine: bool = False) -> None:
        """Pack `weight`, int8 [out, in], with `scale`, float32 [out].

        `fine` takes each row as a coarse one and what that leaves, each in 7 bits: nearly exact, at the
        price of twice the rows.
        """
        self._fine = fine
        with warnings.catch_warnings():
            # Quantised tensors are deprecated, but the FBGEMM prepacking takes no other input.
            warnings.simplefilter("ignore", UserWarning)
            quantised = torch._make_per_channel_quantized_tensor(
                weight, scale.double(), torch.zeros(len(scale), dtype=torch.int64), 0
            )
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        self._apply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer: float32 [rows, in] -> float32 [rows, out]."""
        largest = torch.linalg.vector_norm(x, float("inf"), dim=-1, keepdim=True).clamp_min_(1e-12)
        x = x / largest
        if not self._fine:
            return self._product(x).mul_(largest)
        coarse = (x * ACTIVATION_STEPS).round_().div_(ACTIVATION_STEPS)
        rest = (x - coarse).mul_(2 * ACTIVATION_STEPS)
        y, z = self._product(torch.cat((coarse, rest))).chunk(2)
        return y.add_(z, alpha=0.5 / ACTIVATION_STEPS).mul_(largest)

    def _product(self, x: Tensor) -> Tensor:
        """Multiply rows within -1 to 1."""
        y: Tensor = self._apply(x, 1 / ACTIVATION_STEPS, ACTIVATION_STEPS + 1, self._packed)
        return y


class Int8Embedding:
    """Rows of an int8 table with a scale per row: ids [n] -> float32 [n, hidden]."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        """Keep `weight`, int8 [vocabulary, hidden], and `scale`, float32 [vocabulary]."""
        self._weight = weight
        self._scale = scale.unsqueeze(-1)

    def __call__(self, ids: Tensor) -> Tensor:
        """Look ids up."""
        return self._weight[ids].float().mul_(self._scale[ids])
