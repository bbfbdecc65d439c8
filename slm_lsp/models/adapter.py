"""Adapter files: LoRA matrices and rows of special tokens, in safetensors with what they belong to.

For every tuned projection ``<module>`` of the base model (named as transformers names it, such as
``model.layers.0.self_attn.q_proj``) the file holds ``<module>.lora_A`` [r, in] and ``<module>.lora_B`` [out,
r] in float16; the tuned weight is ``W + B A``, the scale being in B. ``<embedding>.rows`` [S, D], float32,
replaces the rows ``about.special`` of the tied embedding. The metadata's ``about`` is JSON: the fields of
`About`.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from slm_lsp.errors import ModelInvalid, SlmLspError

Arrays = Mapping[str, NDArray[Any]]

FORMAT = "slm-lsp-adapter"
VERSION = 1

EMBEDDING = "model.embed_tokens"
"""The embedding's name in the base model."""

FINGERPRINT = ("model.layers.0.self_attn.q_proj.weight", "model.norm.weight")
"""Tensors of the base model that tell which it is: they differ between models and after every tuning."""


@dataclass(frozen=True, slots=True)
class About:
    """What an adapter belongs to and how it was made.

    `base` is the model's name and `fingerprint` that of its weights (see `fingerprint`). `rename` gives
    special tokens of the base vocabulary the names that tell the prompt's format; `special` are the ids whose
    embeddings were trained, in the order of the file's rows. `tokens` counts those trained on.
    """

    base: str
    fingerprint: str
    rank: int
    rename: dict[str, str]
    special: list[int]
    licence: str
    tokens: int
    loss: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter in memory."""

    about: About
    tensors: dict[str, NDArray[Any]]

    def merged(self, name: str, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the base model's tensor `name` as tuned; itself if it was not.

        Raises:
            ModelInvalid: the shapes show that the adapter is another model's.
        """
        module = name.removesuffix(".weight")
        if module == EMBEDDING and self.about.special:
            rows = self.tensors[f"{EMBEDDING}.rows"]
            if rows.shape[1] != weight.shape[1] or max(self.about.special) >= len(weight):
                raise _wrong(self.about)
            weight = weight.copy()
            weight[self.about.special] = rows
            return weight
        low, high = self.tensors.get(f"{module}.lora_A"), self.tensors.get(f"{module}.lora_B")
        if low is None or high is None:
            return weight
        if (high.shape[0], low.shape[1]) != weight.shape:
            raise _wrong(self.about)
        return weight + high.astype(np.float32) @ low.astype(np.float32)

    def check(self, base: Arrays) -> None:
        """Make sure that the base model is the one that the adapter was trained on.

        Raises:
            ModelInvalid: it is another one.
        """
        if fingerprint(base) != self.about.fingerprint:
            raise _wrong(self.about)

    def apply(self, base: dict[str, NDArray[np.float32]]) -> None:
        """Merge the adapter into a base model's tensors, in place.

        Raises:
            ModelInvalid: the adapter is another model's.
        """
        self.check(base)
        for name, weight in base.items():
            base[name] = self.merged(name, weight)


def fingerprint(base: Arrays) -> str:
    """Return the SHA-256, in hex, of the tensors `FINGERPRINT` as little-endian float32."""
    digest = hashlib.sha256()
    for name in FINGERPRINT:
        digest.update(np.ascontiguousarray(base[name], dtype="<f4").tobytes())
    return digest.hexdigest()


def write(path: Path, adapter: Adapter) -> None:
    """Write an adapter file that appears only when it is complete.

    Raises:
        SlmLspError: the disk is full or can't be written.
    """
    metadata = {"format": FORMAT, "version": str(VERSION), "about": json.dumps(asdict(adapter.about))}
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: np.ascontiguousarray(value) for name, value in adapter.tensors.items()}, partial, metadata
        )
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink()
        raise SlmLspError(f"the adapter can't be written to {path} ({error}); free some space.") from error


def read(path: Path) -> Adapter:
    """Read an adapter file.

    Raises:
        ModelInvalid: it is missing, cut off, or no adapter of this version.
    """
    about = read_about(path)
    with safe_open(path, framework="numpy") as file:
        return Adapter(about, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping


def read_about(path: Path) -> About:
    """Read what an adapter file says of itself, and see that it is whole.

    Raises:
        ModelInvalid: it is missing, cut off, or no adapter of this version.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        if (metadata.get("format"), metadata.get("version")) != (FORMAT, str(VERSION)):
            raise ModelInvalid(f"{path} is not an adapter of this version of slm-lsp; tune again.")
        values = json.loads(metadata["about"])
        return About(**{one.name: values[one.name] for one in fields(About)})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelInvalid(
            f"{path} is no adapter, or was cut off ({error}); tune again or name another."
        ) from error


def _wrong(about: About) -> ModelInvalid:
    return ModelInvalid(
        f"the adapter was trained for {about.base}, which is not the model in use, or not as this version of "
        "slm-lsp ships it; tune again."
    )
