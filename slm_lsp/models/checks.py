"""What is looked at in a model's files before a library loads them."""

import json
import struct
from pathlib import Path
from typing import Any

from slm_lsp.errors import ModelInvalid

_LONGEST_HEADER = 100_000_000
"""The most bytes that the safetensors library takes as a header."""

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def check_folder(folder: Path) -> None:
    """Check that `folder` holds a whole model in Hugging Face layout, with its weights as safetensors.

    Raises:
        ModelInvalid: a file is missing, cut off, or of a kind that could run code.
        OSError: a file can't be read.
    """
    if not (folder / "config.json").is_file():
        raise ModelInvalid(f"{folder} holds no config.json; name a folder in Hugging Face layout.")
    _json(folder / "config.json")
    for file in weight_files(folder):
        check_safetensors(file)


def check_safetensors(path: Path) -> None:
    """Check that a safetensors file is as long as its header says.

    The format: https://github.com/huggingface/safetensors#format.

    Raises:
        ModelInvalid: it is missing, cut off, or not a safetensors file.
        OSError: it can't be read.
    """
    if not path.is_file():
        raise ModelInvalid(f"{path} is missing; fetch the model again.")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header: dict[str, Any] = json.loads(file.read(min(length, _LONGEST_HEADER)))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (struct.error, ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise ModelInvalid(
            f"{path} is not a safetensors file, or was damaged; fetch the model again."
        ) from error
    if 8 + length + max(ends, default=0) != size:
        raise ModelInvalid(f"{path} was cut off or altered (its size differs); fetch the model again.")


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a folder in Hugging Face layout.

    Raises:
        ModelInvalid: there are none, or their index is damaged.
    """
    if (folder / _SINGLE).is_file():
        return [folder / _SINGLE]
    if (folder / _INDEX).is_file():
        try:
            names = {str(name) for name in _json(folder / _INDEX)["weight_map"].values()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelInvalid(f"{folder / _INDEX} lists no weights; fetch the model again.") from error
        if any(Path(name).name != name for name in names):
            raise ModelInvalid(f"{folder / _INDEX} names files outside its folder; fetch the model again.")
        return [folder / name for name in sorted(names)]
    if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
        raise ModelInvalid(
            f"{folder} holds its weights only as pickles, which can run code; save them as safetensors first."
        )
    raise ModelInvalid(f"{folder} holds no {_SINGLE}; name a folder with the model's weights.")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelInvalid(f"{path} is not valid JSON; fetch the model again.") from error
