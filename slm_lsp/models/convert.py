"""Converting a Llama or Gemma 3 GGUF file, once, to what loads fastest: a folder in Hugging Face layout.

The weights are written for the lean engine (`write_lean`) or as float32 for transformers (`write_dense`);
configuration and tokenizer are the same beside both.
"""

import errno
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from slm_lsp.errors import ModelInvalid
from slm_lsp.models import quantise
from slm_lsp.models.adapter import Adapter
from slm_lsp.models.gguf_names import GEMMA3, Names
from slm_lsp.models.gguf_reader import Gguf
from slm_lsp.models.gguf_tokenizer import tokenizer, tokenizer_config
from slm_lsp.models.layout import DENSE_FILE, Lean, Progress, lean_file, lean_metadata
from slm_lsp.models.quantise import Floats


def write_lean(
    gguf: Gguf,
    folder: Path,
    form: Lean,
    source_sha256: str,
    progress: Progress,
    adapters: Sequence[Adapter] = (),
) -> None:
    """Write configuration, tokenizer and weights (see `slm_lsp.models.quantise`) into `folder`.

    Adapters are merged into the weights, one after the other, and give special tokens their names.

    Takes four bytes a parameter of memory while it runs.

    Raises:
        ModelInvalid: the file's architecture can't be converted, or an adapter is another model's.
        OSError: it can't be written.
    """
    _write_beside(gguf, folder, adapters)
    tensors = merged(gguf, adapters, progress, 0.4)
    progress(0.4, "rounding the model")
    fused = quantise.fuse(tensors.items(), form)
    progress(0.9, "writing the model")
    save(fused, folder / lean_file(form), lean_metadata(form) | {"source_sha256": source_sha256})
    progress(1.0, "converted")


def write_dense(gguf: Gguf, folder: Path, progress: Progress, adapters: Sequence[Adapter] = ()) -> None:
    """Write configuration, tokenizer and float32 weights into `folder`, as transformers loads them.

    Adapters are merged into the weights, one after the other, and give special tokens their names.

    Takes four bytes a parameter of memory and of disk.

    Raises:
        ModelInvalid: the file's architecture can't be converted, or an adapter is another model's.
        OSError: it can't be written.
    """
    _write_beside(gguf, folder, adapters)
    tensors = merged(gguf, adapters, progress, 0.7)
    progress(0.7, "writing the model")
    save(tensors, folder / DENSE_FILE, {"format": "pt"})
    progress(1.0, "converted")


def float_tensors(gguf: Gguf) -> Iterator[tuple[str, Floats]]:
    """Yield each weight under its Hugging Face name, as float32, in the layout that transformers has.

    Raises:
        ModelInvalid: the file's architecture can't be converted.
    """
    names = Names(gguf, configuration(gguf))
    for name, values in gguf.floats():
        yield names.theirs(name), names.values(name, values)


def configuration(gguf: Gguf) -> dict[str, Any]:
    """Return the fields of transformers' configuration (``config.json``).

    Raises:
        ModelInvalid: it is none of Llama, Qwen 2 and 3 and Gemma 3, or a field is missing.
    """
    architecture = gguf.metadata.get("general.architecture")
    if architecture not in _CONFIGURATIONS:
        known = ", ".join(_CONFIGURATIONS)
        raise ModelInvalid(f"{gguf.path} is a {architecture} model, and only {known} can be converted.")
    try:
        return _common(gguf, architecture) | _CONFIGURATIONS[architecture](gguf)
    except KeyError as error:
        raise ModelInvalid(f"{gguf.path} lacks the field {error}; fetch it again.") from error


def _common(gguf: Gguf, architecture: str) -> dict[str, Any]:
    metadata = gguf.metadata
    hidden = metadata[f"{architecture}.embedding_length"]
    heads = metadata[f"{architecture}.attention.head_count"]
    return {
        "dtype": "float32",
        "hidden_size": hidden,
        "intermediate_size": metadata[f"{architecture}.feed_forward_length"],
        "num_hidden_layers": metadata[f"{architecture}.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.get(f"{architecture}.attention.head_count_kv", heads),
        "head_dim": metadata.get(f"{architecture}.attention.key_length", hidden // heads),
        "rms_norm_eps": metadata[f"{architecture}.attention.layer_norm_rms_epsilon"],
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "max_position_embeddings": metadata[f"{architecture}.context_length"],
        "tie_word_embeddings": "output.weight" not in gguf.tensors,
        "attention_bias": "blk.0.attn_q.bias" in gguf.tensors,
        "bos_token_id": metadata.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": metadata.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": metadata.get("tokenizer.ggml.padding_token_id"),
    }


def _llama(gguf: Gguf) -> dict[str, Any]:
    theta = gguf.metadata.get("llama.rope.freq_base", 10000.0)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "rope_theta": theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "mlp_bias": "blk.0.ffn_gate.bias" in gguf.tensors,
    }


def _gemma3(gguf: Gguf) -> dict[str, Any]:
    """What GGUF leaves out is the same in all sizes of the family (``Gemma3TextConfig`` in transformers)."""
    metadata = gguf.metadata
    return {
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": GEMMA3,
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": metadata["gemma3.attention.key_length"],
        "sliding_window": metadata["gemma3.attention.sliding_window"],
        "layer_types": [
            "full_attention" if (layer + 1) % 6 == 0 else "sliding_attention"
            for layer in range(metadata["gemma3.block_count"])
        ],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": metadata["gemma3.rope.freq_base"]},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    }


def _qwen(gguf: Gguf) -> dict[str, Any]:
    architecture = gguf.metadata["general.architecture"]
    theta = gguf.metadata[f"{architecture}.rope.freq_base"]
    return {
        "architectures": [f"{architecture.capitalize()}ForCausalLM"],
        "model_type": architecture,
        "hidden_act": "silu",
        "rope_theta": theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
    }


_CONFIGURATIONS: dict[str, Callable[[Gguf], dict[str, Any]]] = {
    "llama": _llama,
    "qwen2": _qwen,
    "qwen3": _qwen,
    "gemma3": _gemma3,
}


def renamed(adapters: Sequence[Adapter]) -> dict[str, str]:
    """Return the names that adapters give special tokens, by those that they had."""
    return {old: new for one in adapters for old, new in one.about.rename.items()}


def _write_beside(gguf: Gguf, folder: Path, adapters: Sequence[Adapter]) -> None:
    _write_json(folder / "config.json", configuration(gguf))
    write_tokenizer(gguf, folder, adapters)


def write_tokenizer(gguf: Gguf, folder: Path, adapters: Sequence[Adapter] = ()) -> None:
    """Write the tokenizer alone into `folder`; adapters give special tokens their names.

    Raises:
        ModelInvalid: it is of a kind that can't be converted.
        OSError: it can't be written.
    """
    _write_json(folder / "tokenizer.json", tokenizer(gguf, renamed(adapters)))
    _write_json(folder / "tokenizer_config.json", tokenizer_config(gguf))


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def save(tensors: Mapping[str, NDArray[Any]], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file.

    Raises:
        OSError: it can't be written.
    """
    try:
        save_file(dict(tensors), path, metadata)
    except SafetensorError as error:
        code = re.search(r"os error (\d+)", str(error))
        number = int(code[1]) if code else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def merged(gguf: Gguf, adapters: Sequence[Adapter], progress: Progress, share: float) -> dict[str, Floats]:
    """Return the tensors of `float_tensors`, with adapters merged into them; `progress` goes to `share`.

    Raises:
        ModelInvalid: the file's architecture can't be converted, or an adapter is another model's.
    """
    tensors = dict(reported(gguf, progress, share))
    for adapter in adapters:
        adapter.apply(tensors)
    return tensors


def reported(gguf: Gguf, progress: Progress, share: float) -> Iterator[tuple[str, Floats]]:
    """Yield what `float_tensors` does; `progress` goes to `share`."""
    for done, tensor in enumerate(float_tensors(gguf)):
        progress(share * done / len(gguf.tensors), "converting the model")
        yield tensor
