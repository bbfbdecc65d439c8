"""Chooses the backend for a model's files."""

from collections.abc import Callable
from pathlib import Path

from slm_lsp.engine.device import physical_cores
from slm_lsp.engine.interface import Engine


def load_engine(
    folder: Path,
    gguf: Path | None,
    *,
    device: str,
    precision: str,
    threads: int,
    progress: Callable[[float, str], None],
) -> Engine:
    """Load a model folder, or a GGUF file in it, by the fastest backend that can.

    A converted folder, which is for the CPU in int8, runs through the lean forward pass; everything else
    through transformers, which is imported only then.

    Raises:
        ModelError: the files can't be loaded; the message says what to do.
    """
    threads = threads or physical_cores()
    if gguf is None and (folder / "model.int8.safetensors").is_file():
        from slm_lsp.engine.llama.engine import load

        return load(folder, threads, progress)
    from slm_lsp.engine import hf

    return hf.load(folder, gguf, device, precision, threads, progress)
