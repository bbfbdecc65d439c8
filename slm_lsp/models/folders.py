"""Folders in Hugging Face layout whose model is of Llama's shape: converted for the lean engine."""

import hashlib
import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm_lsp.models import checks, quantise
from slm_lsp.models.layout import Lean, Progress, lean_file, lean_metadata
from slm_lsp.models.quantise import Floats

FAMILIES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Values of `model_type` whose layers are norm, rotated attention, norm and gated product, as Llama's are."""

ROTARY = frozenset({"default", "linear", "llama3"})
"""Scalings of the rotary embedding that the engine has (see `slm_lsp.engine.llama.rotary`)."""

_PER_VECTOR = quantise.PANEL
"""What widths must be a multiple of."""

_BESIDE = (".json", ".jinja", ".model", ".txt")
"""Endings of the files that are copied beside the weights: tokenizer and configuration."""

_IGNORED = ".rotary_emb.inv_freq"
"""End of the names of tables that old checkpoints hold and the configuration gives."""


def is_lean(folder: Path) -> bool:
    """Whether the lean engine can run a folder's model; what it can't, transformers can."""
    config = _json(folder / "config.json")
    try:
        return fits(config) and all(map(quantise.has_place, _names(folder, config)))
    except (KeyError, TypeError, ValueError):
        return False


def place(source: Path) -> str:
    """Return a digest of where a folder or file is."""
    return hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:12]


def state(source: Path) -> str:
    """Return a digest of what a folder holds, or of a file, by sizes and times."""
    paths = {source}
    if source.is_dir():
        paths = {source / "config.json", *_beside(source), *checks.weight_files(source)}
    digest = hashlib.sha256()
    for path in sorted(paths):
        found = path.stat()
        digest.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def write_lean(folder: Path, target: Path, form: Lean, progress: Progress) -> None:
    """Write a folder's configuration, tokenizer and weights (see `slm_lsp.models.quantise`) to `target`.

    Raises:
        ModelInvalid: the weights are damaged or incomplete.
        OSError: they can't be read or written.
    """
    from slm_lsp.models.convert import save

    config = _json(folder / "config.json")
    for path in _beside(folder):
        shutil.copyfile(path, target / path.name)
    window = _window(config)
    if window and window < config["max_position_embeddings"]:
        # Within its window, attention that slides is attention to everything.
        (target / "config.json").write_text(json.dumps(config | {"max_position_embeddings": window}), "utf-8")
    names = list(_names(folder, config))
    tensors = quantise.fuse(_tensors(folder, frozenset(names), progress), form)
    progress(0.9, "writing the model")
    save(tensors, target / lean_file(form), lean_metadata(form))
    progress(1.0, "converted")


def fits(config: dict[str, Any]) -> bool:
    """Whether a configuration asks for nothing that the lean forward pass does not do."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    head = config.get("head_dim") or hidden // heads
    return (
        config["model_type"] in FAMILIES
        and config.get("hidden_act", "silu") == "silu"
        and rope.get("rope_type", rope.get("type", "default")) in ROTARY
        and config.get("partial_rotary_factor", 1.0) == rope.get("partial_rotary_factor", 1.0) == 1.0
        and "quantization_config" not in config
        and heads % (config.get("num_key_value_heads") or heads) == 0
        and not any(width % _PER_VECTOR for width in (hidden, config["intermediate_size"], head))
    )


def _window(config: dict[str, Any]) -> int | None:
    """Return the tokens that attention sees at most, where it slides; Qwen's slides only if it says so."""
    slides = config.get("use_sliding_window", config["model_type"] == "mistral")
    return config.get("sliding_window") if slides else None


def _names(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the tensors that the model is made of."""
    for path in checks.weight_files(folder):
        for name in _header(path)[0]:
            tied = name == "lm_head.weight" and config.get("tie_word_embeddings", False)
            if not tied and not name.endswith(_IGNORED):
                yield name


def _tensors(folder: Path, wanted: frozenset[str], progress: Progress) -> Iterator[tuple[str, Floats]]:
    """Yield the wanted tensors as float32, one after another."""
    done = 0
    for path in checks.weight_files(folder):
        header, start = _header(path)
        for name in header.keys() & wanted:
            progress(0.9 * done / len(wanted), "converting the model")
            yield name, _floats(path, start, header[name])
            done += 1


def _floats(path: Path, start: int, entry: dict[str, Any]) -> Floats:
    """Read one tensor of a safetensors file as float32."""
    first, last = entry["data_offsets"]
    kind = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}[entry["dtype"]]
    raw = np.fromfile(path, kind, (last - first) // np.dtype(kind).itemsize, offset=start + first)
    values: NDArray[Any] = raw
    if entry["dtype"] == "BF16":
        # A bfloat16 is the upper half of a float32.
        values = (raw.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False).reshape(entry["shape"])


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the entries of a safetensors file that has been checked, and where its data begins."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    if any(entry["dtype"] not in ("F32", "F16", "BF16") for entry in header.values()):
        raise ValueError(path)
    return header, 8 + length


def _beside(folder: Path) -> list[Path]:
    return [
        path for path in folder.iterdir() if path.suffix in _BESIDE and not path.name.endswith(".index.json")
    ]


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
