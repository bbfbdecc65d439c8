"""Chooses the backend for a model's files."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from slm_lsp.engine.device import choose_device, physical_cores
from slm_lsp.engine.interface import Engine
from slm_lsp.engine.llama import weights


def wanted_form(
    device: str, precision: str
) -> Literal["int8", "int4", "float32", "bfloat16", "float16", "dense"]:
    """Return the form of the weights that these settings want.

    On the CPU, if it has the instructions, it is a number format for the lean engine; other devices want the
    weights as published ("dense").

    Raises:
        ModelError: the device is not to be had here.
    """
    from slm_lsp.engine.llama.native import supported

    if choose_device(device) != "cpu" or not supported():
        return "dense"
    match precision:
        case "auto" | "int8":
            return "int8"
        case "int4" | "float32" | "bfloat16" | "float16":
            return precision
    return "dense"


def takes_gguf(device: str, precision: str) -> bool:
    """Whether llama.cpp can serve a GGUF file as it is with these settings, if the lean engine can't.

    Raises:
        ModelError: the device is not to be had here.
    """
    return precision == "auto" and find_spec("llama_cpp") is not None and choose_device(device) == "cpu"


def load_engine(
    folder: Path,
    gguf: Path | None,
    *,
    device: str,
    precision: str,
    threads: int,
    cache_memory: int,
    progress: Callable[[float, str], None],
) -> Engine:
    """Load a model folder, or a GGUF file, by the fastest backend that can.

    A converted folder, which is for the CPU, runs through the lean forward pass in the number format it has;
    a GGUF file through llama.cpp where that is installed, as it is; everything else through transformers.
    `cache_memory` bounds the lean engine's key/value cache in megabytes.

    Raises:
        ModelError: the files can't be loaded; the message says what to do.
    """
    threads = threads or physical_cores()
    if gguf is None and weights.find(folder):
        from slm_lsp.engine.llama.engine import load

        return load(folder, threads, cache_memory, progress)
    if gguf and takes_gguf(device, precision):
        from slm_lsp.engine import llama_cpp

        return llama_cpp.load(gguf, threads, progress)
    from slm_lsp.engine import hf

    return hf.load(folder, gguf, device, precision, threads, progress)
