"""8- and 4-bit weights on a GPU through torchao, which computes in 16 bits with them."""

from collections.abc import Container
from typing import Any

import torch
from torch import nn

from slm_lsp.errors import ModelError

GROUP = 64
"""Inputs that share a scale in 4 bits: one of the sizes that torchao has (256, 128, 64 and 32)."""


def check(precision: str, device: str) -> None:
    """Make sure that the weights can be had in ``int8`` or ``int4`` on a device other than the CPU.

    Raises:
        ModelError: the package is missing, or has no such kernel for the device.
    """
    # Of its 4-bit kernels the one that needs no further package runs on CUDA, and computes in bfloat16.
    if precision == "int4" and not (device == "cuda" and torch.cuda.is_bf16_supported()):
        raise ModelError(f"int4 can't be had on this machine's {device}; set precision to auto.")
    try:
        import torchao  # noqa: F401
    except ImportError:
        raise ModelError(
            f"{precision} on {device} takes the package torchao; run `pip install 'slm-lsp[gpu]'`, or set "
            "precision to auto."
        ) from None


def quantise(model: nn.Module, precision: str, layers: Container[nn.Linear]) -> None:
    """Turn some linear layers of a model to ``int8`` or ``int4``, on the device where they are.

    int8 has a scale for each row, int4 one for each `GROUP` inputs.
    """
    from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

    config: Any = Int8WeightOnlyConfig(set_inductor_config=False)
    if precision == "int4":
        config = Int4WeightOnlyConfig(
            group_size=GROUP, int4_packing_format="tile_packed_to_4d", set_inductor_config=False
        )

    quantize_(model, config, filter_fn=lambda layer, _name: layer in layers)
