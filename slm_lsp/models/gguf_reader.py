"""Reading GGUF files: the metadata and the places of the tensors, checked against the file's size.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The ``gguf`` package's own reader makes
numpy arrays of every token, which takes seconds, and does not say in words what is wrong with a file that was
cut off; its tables of block sizes and its dequantisation are used from here on.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import ModelInvalid

MAGIC = b"GGUF"
VERSIONS = (2, 3)

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where one tensor lies: `shape` as numpy has it (rows first), `kind` is GGML's number of its format."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Gguf:
    """The header of a GGUF file: its metadata by key, and its tensors by name."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, Tensor]

    def floats(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield each tensor's name and its float32 values, one at a time."""
        from gguf import GGMLQuantizationType, dequantize

        data = np.memmap(self.path, mode="r")
        for tensor in self.tensors.values():
            raw = data[tensor.offset : tensor.offset + tensor.nbytes]
            blocks = raw.reshape(*tensor.shape[:-1], -1)
            yield tensor.name, np.asarray(dequantize(blocks, GGMLQuantizationType(tensor.kind)), np.float32)


def read(path: Path) -> Gguf:
    """Read the header of a GGUF file.

    Raises:
        ModelInvalid: it is not a GGUF file of a version that is known, or was cut off.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise ModelInvalid(f"{path} is not a GGUF file; name one that is, or a folder.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data, path).read()
            except (
                struct.error,
                UnicodeDecodeError,
                KeyError,
                ValueError,
                OverflowError,
                MemoryError,
                RecursionError,
                TypeError,
                ZeroDivisionError,
            ) as error:
                raise ModelInvalid(f"{path} is damaged or cut off; fetch it again.") from error


class _Reader:
    """Walks over the header; every read past the end of the file raises."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._at = len(MAGIC)

    def read(self) -> Gguf:
        """Return the header, with each tensor inside the file."""
        version = self._scalar("I")
        if version not in VERSIONS:
            raise ModelInvalid(
                f"{self._path} is GGUF version {version}, and only 2 and 3 can be read; convert it anew."
            )
        count, keys = self._scalar("Q"), self._scalar("Q")
        metadata = {}
        for _ in range(keys):
            key = self._string()
            metadata[key] = self._value(self._scalar("I"))
        places = [self._place() for _ in range(count)]
        alignment = int(metadata.get("general.alignment", 32))
        start = -(-self._at // alignment) * alignment
        tensors = {name: self._tensor(name, shape, kind, start + at) for name, shape, kind, at in places}
        return Gguf(self._path, metadata, tensors)

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self._data, self._at)
        self._at += struct.calcsize("<" + code)
        return value

    def _string(self) -> str:
        length = self._scalar("Q")
        end = self._at + length
        if end > len(self._data):
            raise ValueError("a text ends beyond the file")
        text = self._data[self._at : end].decode()
        self._at = end
        return text

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind])
        inner, length = self._scalar("I"), self._scalar("Q")
        if length > len(self._data):
            raise ValueError("an array ends beyond the file")
        if inner in (_STRING, _ARRAY):
            return [self._value(inner) for _ in range(length)]
        code = f"<{length}{_SCALARS[inner]}"
        values = list(struct.unpack_from(code, self._data, self._at))
        self._at += struct.calcsize(code)
        return values

    def _place(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._string()
        dimensions = tuple(self._scalar("Q") for _ in range(self._scalar("I")))
        return name, dimensions[::-1], self._scalar("I"), self._scalar("Q")

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, offset: int) -> Tensor:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        elements = 1
        for dimension in shape:
            elements *= dimension
        nbytes = elements // block * block_bytes
        if offset + nbytes > len(self._data):
            raise ValueError("a tensor ends beyond the file")
        return Tensor(name, shape, kind, offset, nbytes)
