"""Checkpoints: all that a training run needs to go on after a kill, in folders that appear whole or not at
all."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from slm_lsp.errors import SlmLspError

KEPT = 2
"""Checkpoints kept, so that one damaged by the file system is not the end."""


def save(
    folder: Path, step: int, state: dict[str, Any], parameters: dict[str, Tensor], moments: dict[str, Tensor]
) -> None:
    """Write a checkpoint and delete the older ones.

    Raises:
        SlmLspError: the disk is full or can't be written.
    """
    final = folder / f"step-{step:07d}"
    partial = folder / f"{final.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(
            {name: value.detach().contiguous() for name, value in parameters.items()},
            partial / "trained.safetensors",
        )
        save_file(moments, partial / "moments.safetensors")
        (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb") as written:
                os.fsync(written.fileno())
        shutil.rmtree(final, ignore_errors=True)
        partial.replace(final)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise SlmLspError(
            f"the checkpoint can't be written to {folder} ({error}); free some space and resume."
        ) from error
    for old in checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints of a run, the oldest first."""
    return sorted(path for path in folder.glob("step-???????") if path.is_dir())


def load(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor], dict[str, Tensor]] | None:
    """Return state, parameters and moments of the newest checkpoint that can be read, or None if there is
    none."""
    for path in reversed(checkpoints(folder)):
        try:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            return state, load_file(path / "trained.safetensors"), load_file(path / "moments.safetensors")
        except (OSError, ValueError, SafetensorError):
            continue
    return None


def moments_of(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """Return Adam's state, one tensor per parameter and moment, under the parameters' names."""
    state = optimizer.state_dict()["state"]
    return {
        f"{name}|{key}": value.contiguous()
        for index, name in enumerate(names)
        for key, value in state.get(index, {}).items()
    }


def restore_moments(optimizer: torch.optim.Optimizer, names: list[str], moments: dict[str, Tensor]) -> None:
    """Put back what `moments_of` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    index_of = {name: index for index, name in enumerate(names)}
    for key, value in moments.items():
        name, _, moment = key.rpartition("|")
        state.setdefault(index_of[name], {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
