"""A small repository for the real model, the same code twice: what is missing in one file is in another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slm_lsp.completion.loading import load
from slm_lsp.completion.model import LoadedModel
from slm_lsp.config import Settings
from slm_lsp.evaluation.holes import Plan

SAMPLES = Path(__file__).parent.parent / "samples"


@contextmanager
def doubled(folder: Path, holes: int) -> Iterator[tuple[LoadedModel, Plan]]:
    """Yield the model and a plan for some holes."""
    for name in ("src", "copy"):
        shutil.copytree(SAMPLES, folder / name)
    loaded = load(Settings(), lambda done, doing: None)
    try:
        yield loaded, Plan(folder, holes)
    finally:
        loaded.close()
