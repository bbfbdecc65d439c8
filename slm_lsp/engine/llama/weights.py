"""Reads the weights of a converted model, whose file `slm_lsp.models.quantise` describes."""

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.llama.kernels.plan import BFLOAT16, FLOAT16, FLOAT32, INT4, INT8, WIDTH
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.errors import ModelInvalid

FORMATS = {"int8": INT8, "int4": INT4, "float32": FLOAT32, "bfloat16": BFLOAT16, "float16": FLOAT16}
"""Number formats that a model can be converted to."""

_LINE = 64
"""Bytes to which tensors are aligned: a cache line, and the widest vector there is."""

_TYPES = {"I8": np.int8, "F32": np.float32, "F16": np.float16, "U16": np.uint16}


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's tensors by name, each at the start of a cache line; `parameters` counts the model's own.

    `precision` is one of `FORMATS`.
    """

    precision: str
    tensors: dict[str, NDArray[Any]]
    parameters: int


def aligned(size: int) -> NDArray[np.uint8]:
    """Return `size` bytes that begin at the start of a cache line."""
    raw = np.empty(size + _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + size]


def find(folder: Path) -> Path | None:
    """Return the file of a converted folder's weights, or None if it is another folder."""
    paths = (folder / f"model.{precision}.safetensors" for precision in FORMATS)
    return next((path for path in paths if path.is_file()), None)


def read(path: Path, shape: Shape, progress: Callable[[float, str], None]) -> Weights:
    """Read the weights of a converted folder (see `find`).

    Raises:
        ModelInvalid: the file is partial, altered or of other sizes than `config.json` says.
    """
    precision = path.name.split(".")[1]
    tensors: dict[str, NDArray[Any]] = {}
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header: dict[str, Any] = json.loads(file.read(length))
            header.pop("__metadata__", None)
            start, end = 8 + length, max(entry["data_offsets"][1] for entry in header.values())
            for name, entry in header.items():
                progress(entry["data_offsets"][0] / end, "reading the weights")
                first, last = entry["data_offsets"]
                place = aligned(last - first)
                file.seek(start + first)
                if file.readinto(place.data) != last - first:
                    raise ValueError("it is cut off")  # noqa: TRY301 - one sentence for all that may be wrong
                tensors[name] = place.view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
        _check(precision, tensors, shape)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ModelInvalid(
            f"{path} can't be read ({error}); run `slm-lsp models remove` and pull the model again."
        ) from error
    return Weights(precision, tensors, _parameters(precision, tensors, shape))


def _check(precision: str, tensors: dict[str, NDArray[Any]], shape: Shape) -> None:
    """Make sure that the kernels, which check nothing, will find what they look for."""
    hidden, attended = shape.hidden, shape.heads * shape.head
    sizes: dict[str, int | tuple[int, int]] = {"embed": (shape.vocabulary, hidden), "norm": hidden}
    if "head.weight" in tensors:
        sizes["head"] = (shape.vocabulary, hidden)
    for layer in range(shape.layers):
        sizes |= {
            f"layers.{layer}.attn_norm": hidden,
            f"layers.{layer}.mlp_norm": hidden,
            f"layers.{layer}.qkv": (shape.qkv, hidden),
            f"layers.{layer}.o": (hidden, attended),
            f"layers.{layer}.gate_up": (2 * shape.inner, hidden),
            f"layers.{layer}.down": (hidden, shape.inner),
        }
        for name, size in (("qkv.bias", shape.qkv), ("q_norm", shape.head), ("k_norm", shape.head)):
            if f"layers.{layer}.{name}" in tensors:
                sizes[f"layers.{layer}.{name}"] = size
    for name, wanted in sizes.items():
        if isinstance(wanted, int):
            right = tensors[name].shape == (wanted,)
        else:
            rows, inputs = wanted
            weight, many = tensors[f"{name}.weight"], -(-rows // WIDTH)
            if precision in ("int8", "int4"):
                halves = _in_halves(name, precision)
                scale, pair = tensors[f"{name}.scale"], () if halves else (2,)
                right = weight.shape == (many, inputs // 2, WIDTH, *pair)
                right &= scale.shape == (many, scale.shape[1], *((2,) if halves else ()), WIDTH)
                right &= inputs % (2 * scale.shape[1]) == 0
                right &= scale.dtype == (np.float16 if halves else np.float32)
            else:
                right = weight.shape == (many, inputs, WIDTH)
        if not right:
            raise ValueError(f"{name} has another size than config.json says")


def _in_halves(name: str, precision: str) -> bool:
    """Whether a matrix is int4: beside it the embedding and the head are int8."""
    return precision == "int4" and name.startswith("layers.")


def _parameters(precision: str, tensors: dict[str, NDArray[Any]], shape: Shape) -> int:
    """Count the model's parameters: scales are none, and rows that fill up a panel are not either."""
    count = sum(math.prod(one.shape) for name, one in tensors.items() if not name.endswith(".scale"))
    halves = (name for name in tensors if name.endswith(".weight") and _in_halves(name, precision))
    count += sum(math.prod(tensors[name].shape) for name in halves)  # two in a byte
    surplus = -shape.vocabulary % WIDTH * shape.hidden
    return count - surplus * (1 + ("head.weight" in tensors))
