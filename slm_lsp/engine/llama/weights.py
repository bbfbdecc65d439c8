"""Reads the weights of a converted model (see `slm_lsp.models.convert` for the file's layout)."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from slm_lsp.engine.llama.linear import Int8Embedding, Int8Linear
from slm_lsp.engine.llama.model import Layer, Weights, interleave
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.errors import ModelInvalid

FILE = "model.int8.safetensors"


def parameters(folder: Path) -> int:
    """Count the parameters of a converted folder; the scales of its rows are not parameters."""
    with safe_open(folder / FILE, framework="pt") as tensors:
        names = (name for name in tensors.keys() if not name.endswith(".scale"))  # noqa: SIM118 - not a dict
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in names)


def read(folder: Path, shape: Shape, threads: int, progress: Callable[[float, str], None]) -> Weights:
    """Read and pack the int8 weights of a converted folder; packing runs on `threads` threads.

    Raises:
        ModelInvalid: the file is partial, altered or of other sizes than `config.json` says.
    """
    path = folder / FILE
    try:
        with safe_open(path, framework="pt") as tensors:
            return _pack(tensors.get_tensor, shape, threads, progress)
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise ModelInvalid(
            f"{path} can't be read ({error}); run `slm-lsp models remove` and pull the model again."
        ) from error


def _pack(
    tensor: Callable[[str], Tensor], shape: Shape, threads: int, progress: Callable[[float, str], None]
) -> Weights:
    done = 0

    def linear(
        name: str, order: Callable[[Tensor], Tensor] = lambda rows: rows, fine: bool = False
    ) -> Int8Linear:
        return Int8Linear(order(tensor(f"{name}.weight")), order(tensor(f"{name}.scale")), fine)

    def rotary(rows: Tensor) -> Tensor:
        heads = shape.heads + shape.kv_heads
        split = heads * shape.head
        return torch.cat((interleave(rows[:split], heads), rows[split:]))

    def layer(index: int) -> Layer:
        nonlocal done
        name = f"layers.{index}"
        packed = Layer(
            attention_norm=tensor(f"{name}.attn_norm"),
            qkv=linear(f"{name}.qkv", rotary),
            o=linear(f"{name}.o"),
            mlp_norm=tensor(f"{name}.mlp_norm"),
            gate_up=linear(f"{name}.gate_up"),
            down=linear(f"{name}.down"),
        )
        done += 1
        progress(done / (shape.layers + 1), "packing the weights")
        return packed

    # Packing is native code that lets go of the interpreter, and a start is felt: use every thread.
    with ThreadPoolExecutor(threads) as pool:
        # The head chooses among all tokens, and multiplies one row only: a second one is nearly free.
        head = pool.submit(linear, "embed", fine=True)
        layers = tuple(pool.map(layer, range(shape.layers)))
        embed = Int8Embedding(tensor("embed.weight"), tensor("embed.scale"))
        return Weights(embed=embed, layers=layers, norm=tensor("norm"), head=head.result())
