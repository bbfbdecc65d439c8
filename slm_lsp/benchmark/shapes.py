"""Models of known shapes with random weights, to see how fast one that is not on disk would be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slm_lsp.errors import SlmLspError, UsageError
from slm_lsp.models.convert import save
from slm_lsp.models.layout import form_of, lean_file
from slm_lsp.models.quantise import GROUP, PANEL

Config = dict[str, Any]

PROBE: Config = {
    "model_type": "qwen2",
    "vocab_size": 16384,
    "max_position_embeddings": 4096,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "tie_word_embeddings": True,
    "hidden_size": 1024,
    "intermediate_size": 5120,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
}
"""A model that is made in no time and whose weights fit in no cache."""

_QWEN: Config = {
    "model_type": "qwen2",
    "vocab_size": 151936,
    "max_position_embeddings": 4096,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "tie_word_embeddings": True,
}

SHAPES: dict[str, Config] = {
    "qwen2.5-coder-0.5b": _QWEN
    | {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
    },
    "qwen2.5-coder-1.5b": _QWEN
    | {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
    },
}
"""The models' `config.json`, as far as it decides their speed (https://huggingface.co/Qwen)."""

_BLOCK = 32
"""Weights of a block in Q8_0, which has a float16 scale before them."""


def config(shape: str) -> Config:
    """Return a shape's configuration.

    Raises:
        UsageError: there is no such shape.
    """
    if shape not in SHAPES:
        raise UsageError(f"--shape takes {' or '.join(SHAPES)}, not {shape!r}.")
    return SHAPES[shape]


def write_random(sizes: Config, folder: Path, form: Literal["int8", "int4"]) -> None:
    """Write random weights for our engine, as they are after conversion (see `slm_lsp.models.quantise`)."""
    (folder / "config.json").write_text(json.dumps(sizes), encoding="utf-8")
    random, tensors = np.random.default_rng(0), dict[str, NDArray[Any]]()
    for name, rows, inputs in _matrices(sizes):
        panels, groups, step = -(-rows // PANEL), inputs // GROUP, _step(inputs)
        if form_of(name, form) == "int4":
            values = random.integers(-128, 128, (panels, inputs // 2, PANEL), np.int8)
            scale = np.full((panels, groups, 2, PANEL), 16 * step, np.float16)
            scale[:, :, 1] = 0
        else:
            values = random.integers(-127, 128, (panels, inputs // 2, PANEL, 2), np.int8)
            scale = np.full((panels, groups, PANEL), step, np.float32)
        tensors |= {f"{name}.weight": values, f"{name}.scale": scale}
    tensors |= {name: np.full(size, fill, np.float32) for name, size, fill in _vectors(sizes)}
    save(tensors, folder / lean_file(form), {})


def write_gguf(shape: str, path: Path) -> None:
    """Write random weights in Q8_0 for llama.cpp, with a vocabulary that stands for nothing.

    Raises:
        SlmLspError: the file can't be written.
    """
    from gguf import GGMLQuantizationType, GGUFWriter

    sizes = config(shape)
    heads, hidden = sizes["num_attention_heads"], sizes["hidden_size"]
    writer = GGUFWriter(path, "qwen2")
    writer.add_block_count(sizes["num_hidden_layers"])
    writer.add_context_length(sizes["max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(sizes["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(sizes["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(sizes["rms_norm_eps"])
    writer.add_rope_freq_base(sizes["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([f"t{token}" for token in range(sizes["vocab_size"])])
    writer.add_token_merges(["t 0"])
    random = np.random.default_rng(0)
    for name, rows, inputs in _matrices(sizes):
        for part, count in _gguf_parts(name, rows, sizes):
            values = random.integers(-127, 128, (count, inputs // _BLOCK, 2 + _BLOCK), np.int8)
            values[:, :, :2] = np.frombuffer(np.float16(_step(inputs)).tobytes(), np.int8)
            writer.add_tensor(
                part, values.reshape(count, -1).view(np.uint8), raw_dtype=GGMLQuantizationType.Q8_0
            )
    for name, size, fill in _vectors(sizes):
        for part, count in _gguf_parts(name, size, sizes):
            writer.add_tensor(part, np.full(count, fill, np.float32))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    except OSError as error:
        raise SlmLspError(f"{path} can't be written ({error.strerror}); free some space.") from error


def _step(inputs: int) -> np.float32:
    """Return the scale with which a row's product is about as large as what it is multiplied with."""
    return np.float32(1 / (74 * inputs**0.5))


def _matrices(sizes: Config) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each matrix as our engine has it, its rows and its inputs."""
    hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
    head = hidden // sizes["num_attention_heads"]
    yield "embed", sizes["vocab_size"], hidden
    for layer in range(sizes["num_hidden_layers"]):
        yield f"layers.{layer}.qkv", hidden + 2 * head * sizes["num_key_value_heads"], hidden
        yield f"layers.{layer}.o", hidden, hidden
        yield f"layers.{layer}.gate_up", 2 * inner, hidden
        yield f"layers.{layer}.down", hidden, inner


def _vectors(sizes: Config) -> Iterator[tuple[str, int, float]]:
    """Yield the name of each vector as our engine has it, its size, and what it is filled with."""
    hidden = sizes["hidden_size"]
    head = hidden // sizes["num_attention_heads"]
    yield "norm", hidden, 1.0
    for layer in range(sizes["num_hidden_layers"]):
        yield f"layers.{layer}.attn_norm", hidden, 1.0
        yield f"layers.{layer}.mlp_norm", hidden, 1.0
        yield f"layers.{layer}.qkv.bias", hidden + 2 * head * sizes["num_key_value_heads"], 0.0


def _gguf_parts(name: str, rows: int, sizes: Config) -> Iterator[tuple[str, int]]:
    """Yield the names and rows of the tensors that llama.cpp has in place of one of ours."""
    hidden = sizes["hidden_size"]
    if name in ("embed", "norm"):
        yield {"embed": "token_embd", "norm": "output_norm"}[name] + ".weight", rows
        return
    _, layer, part, *kind = name.split(".")
    suffix = kind[0] if kind else "weight"
    names = {
        "qkv": (("attn_q", hidden), ("attn_k", (rows - hidden) // 2), ("attn_v", (rows - hidden) // 2)),
        "o": (("attn_output", rows),),
        "gate_up": (("ffn_gate", rows // 2), ("ffn_up", rows // 2)),
        "down": (("ffn_down", rows),),
        "attn_norm": (("attn_norm", rows),),
        "mlp_norm": (("ffn_norm", rows),),
    }[part]
    for one, count in names:
        yield f"blk.{layer}.{one}.{suffix}", count
