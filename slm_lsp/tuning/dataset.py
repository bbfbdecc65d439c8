"""Examples on disk: written once, mapped into memory, and batched in an order that a seed fixes."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import SlmLspError
from slm_lsp.tuning.examples import Example

CHUNK = 64
"""Batches whose examples are sorted by length together: enough to leave little padding."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` [B, T] right-padded with 0; `prefix_at`, `middle_at` and `length` [B] index into each row."""

    ids: NDArray[np.int64]
    prefix_at: NDArray[np.int64]
    middle_at: NDArray[np.int64]
    length: NDArray[np.int64]


class Dataset:
    """A folder of examples. Only the lengths are held in memory; the ids are mapped."""

    def __init__(self, folder: Path) -> None:
        try:
            self.about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            self._ids = np.load(folder / "ids.npy", mmap_mode="r")
            self._table = np.load(folder / "table.npy")
        except (OSError, ValueError) as error:
            raise SlmLspError(
                f"the examples in {folder} can't be read ({error}); delete the folder."
            ) from error

    def __len__(self) -> int:
        return len(self._table)

    @property
    def tokens(self) -> int:
        """Tokens of all examples together."""
        return len(self._ids)

    def batches(self, seed: int, batch_tokens: int) -> list[NDArray[np.int64]]:
        """Return the examples of one epoch as batches of indices, of nearly equal length within a batch."""
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self))
        lengths = self._table[:, 1]
        per_chunk = max(1, round(CHUNK * batch_tokens / max(1.0, float(lengths.mean()))))
        batches: list[NDArray[np.int64]] = []
        for at in range(0, len(order), per_chunk):
            chunk = order[at : at + per_chunk]
            chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
            some: list[NDArray[np.int64]] = []
            first = 0
            for index in range(1, len(chunk) + 1):
                if index == len(chunk) or (index + 1 - first) * lengths[chunk[index]] > batch_tokens:
                    some.append(chunk[first:index])
                    first = index
            batches += [some[index] for index in rng.permutation(len(some))]
        return batches

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Return the examples with these indices."""
        rows = self._table[indices]
        ids = np.zeros((len(rows), int(rows[:, 1].max())), dtype=np.int64)
        for row, (at, length, _, _) in enumerate(rows):
            ids[row, :length] = self._ids[at : at + length]
        return Batch(ids, rows[:, 2], rows[:, 3], rows[:, 1])


def write(folder: Path, examples: Iterator[Example], about: dict[str, object]) -> None:
    """Write examples to a folder that appears only when it is complete.

    Raises:
        SlmLspError: the disk is full or can't be written.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    ids: list[NDArray[np.uint32]] = []
    table: list[tuple[int, int, int, int]] = []
    kinds: dict[str, int] = {}
    at = 0
    for example in examples:
        ids.append(np.array(example.ids, dtype=np.uint32))
        table.append((at, len(example.ids), example.prefix_at, example.middle_at))
        kinds[example.kind] = kinds.get(example.kind, 0) + 1
        at += len(example.ids)
    if not table:
        raise SlmLspError(
            "there is no example to learn from; give a folder with source files in a known language."
        )
    try:
        partial.mkdir(parents=True)
        np.save(partial / "ids.npy", np.concatenate(ids))
        np.save(partial / "table.npy", np.array(table, dtype=np.int64))
        (partial / "about.json").write_text(json.dumps({**about, "kinds": kinds}, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise SlmLspError(
            f"the examples can't be written to {folder} ({error.strerror}); free some space."
        ) from error
