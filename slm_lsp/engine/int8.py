"""Linear layers in int8 through torch, for the architectures that have no lean forward pass."""

import warnings

import torch
from torch import Tensor

ACTIVATION_STEPS = 63
"""Activations are quantised to -63..63: the AVX2 kernels add pairs of u8 x s8 products in 16 bits, and
127 * 127 * 2 is the largest such sum that can't overflow (FBGEMM's `reduce_range`)."""


class Int8Linear:
    """int8 weights with a scale per output row, activations quantised to 7 bits with a scale per input row.

    PyTorch's dynamic quantisation takes one activation scale for all rows of a batch, so that one row with
    an outlier ruins the others and the result of a token depends on its neighbours. Here every row is
    divided by its own largest magnitude first and the kernel's scale is fixed; integer sums are exact, so a
    row's result is the same to the bit whatever batch it is computed in. Decoding token by token, in
    prefill chunks or in a verification pass therefore meets the same linear layers.
    """

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        """Pack `weight`, int8 [out, in], with `scale`, float32 [out]."""
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
        y: Tensor = self._apply(x / largest, 1 / ACTIVATION_STEPS, ACTIVATION_STEPS + 1, self._packed)
        return y.mul_(largest)
