"""Chooses the backend for a model's files."""

from collections.abc import Callable
from pathlib import Path

from slm_lsp.engine.device import choose_device, physical_cores
from slm_lsp.engine.interface import Engine


def takes_converted(device: str, precision: str) -> bool:
    """Whether the lean engine can serve these settings: int8 on the CPU, if it has the instructions.

    Other devices and precisions want the weights as published.

    Raises:
        ModelError: the device is not to be had here.
    """
    from slm_lsp.engine.llama.native import supported

    return precision in ("auto", "int8") and choose_device(device) == "cpu" and supported()


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
    """Load a model folder, or a GGUF file in it, by the fastest backend that can.

    A converted folder, which is for the CPU in int8, runs through the lean forward pass; everything else
    through transformers, which is imported only then. `cache_memory` bounds the lean engine's key/value cache
    in megabytes.

    Raises:
        ModelError: the files can't be loaded; the message says what to do.
    """
    threads = threads or physical_cores()
    if gguf is None and (folder / "model.int8.safetensors").is_file():
        from slm_lsp.engine.llama.engine import load

        return load(folder, threads, cache_memory, progress)
    from slm_lsp.engine import hf

    return hf.load(folder, gguf, device, precision, threads, progress)
