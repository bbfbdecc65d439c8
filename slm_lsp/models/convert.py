"""Converting a Llama GGUF file, once, to what loads fastest: a folder in Hugging Face layout.

The weights are written as int8 for the lean engine (`write_int8`) or as float32 for transformers
(`write_dense`); configuration and tokenizer are the same beside both.
"""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from slm_lsp.errors import ModelInvalid
from slm_lsp.models import quantise
from slm_lsp.models.adapter import Adapter
from slm_lsp.models.gguf_names import Names
from slm_lsp.models.gguf_reader import Gguf
from slm_lsp.models.gguf_tokenizer import tokenizer, tokenizer_config
from slm_lsp.models.layout import DENSE_FILE, INT8_FILE, INT8_FORMAT, INT8_VERSION, Progress
from slm_lsp.models.quantise import Floats


def write_int8(
    gguf: Gguf, folder: Path, source_sha256: str, progress: Progress, adapter: Adapter | None = None
) -> None:
    """Write configuration, tokenizer and `INT8_FILE` (see `slm_lsp.models.quantise`) into `folder`.

    An adapter is merged into the weights, and gives special tokens their names.

    Takes four bytes a parameter of memory while it runs.

    Raises:
        ModelInvalid: the file is not a Llama model that can be converted, or the adapter is another model's.
        OSError: it can't be written.
    """
    _write_beside(gguf, folder, adapter)
    tensors = merged(gguf, adapter, progress, 0.4)
    progress(0.4, "rounding the model")
    fused = quantise.fuse(tensors.items())
    metadata = {
        "format": INT8_FORMAT,
        "version": INT8_VERSION,
        "source_sha256": source_sha256,
    }
    progress(0.9, "writing the model")
    save(fused, folder / INT8_FILE, metadata)
    progress(1.0, "converted")


def write_dense(gguf: Gguf, folder: Path, progress: Progress, adapter: Adapter | None = None) -> None:
    """Write configuration, tokenizer and float32 weights into `folder`, as transformers loads them.

    An adapter is merged into the weights, and gives special tokens their names.

    Takes four bytes a parameter of memory and of disk.

    Raises:
        ModelInvalid: the file is not a Llama model that can be converted, or the adapter is another model's.
        OSError: it can't be written.
    """
    _write_beside(gguf, folder, adapter)
    tensors = merged(gguf, adapter, progress, 0.7)
    progress(0.7, "writing the model")
    save(tensors, folder / DENSE_FILE, {"format": "pt"})
    progress(1.0, "converted")


def float_tensors(gguf: Gguf) -> Iterator[tuple[str, Floats]]:
    """Yield each weight under its Hugging Face name, as float32, in the layout that transformers has.

    Raises:
        ModelInvalid: the file is not a Llama model.
    """
    names = Names(gguf, llama_config(gguf))
    for name, values in gguf.floats():
        yield names.theirs(name), names.half_split(name, values)


def llama_config(gguf: Gguf) -> dict[str, Any]:
    """Return the fields of transformers' ``LlamaConfig`` (``config.json``).

    Raises:
        ModelInvalid: it is not a Llama model, or a field is missing.
    """
    metadata = gguf.metadata
    if metadata.get("general.architecture") != "llama":
        raise ModelInvalid(f"{gguf.path} is not a Llama model, and no other can be converted.")
    try:
        hidden, heads = metadata["llama.embedding_length"], metadata["llama.attention.head_count"]
        theta = metadata.get("llama.rope.freq_base", 10000.0)
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "hidden_act": "silu",
            "hidden_size": hidden,
            "intermediate_size": metadata["llama.feed_forward_length"],
            "num_hidden_layers": metadata["llama.block_count"],
            "num_attention_heads": heads,
            "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
            "head_dim": metadata.get("llama.attention.key_length", hidden // heads),
            "rms_norm_eps": metadata["llama.attention.layer_norm_rms_epsilon"],
            "rope_theta": theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": theta},
            "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
            "max_position_embeddings": metadata["llama.context_length"],
            "tie_word_embeddings": "output.weight" not in gguf.tensors,
            "attention_bias": "blk.0.attn_q.bias" in gguf.tensors,
            "mlp_bias": "blk.0.ffn_gate.bias" in gguf.tensors,
            "bos_token_id": metadata.get("tokenizer.ggml.bos_token_id"),
            "eos_token_id": metadata.get("tokenizer.ggml.eos_token_id"),
            "pad_token_id": metadata.get("tokenizer.ggml.padding_token_id"),
        }
    except KeyError as error:
        raise ModelInvalid(f"{gguf.path} lacks the field {error}; fetch it again.") from error


def _write_beside(gguf: Gguf, folder: Path, adapter: Adapter | None) -> None:
    documents = {
        "config.json": llama_config(gguf),
        "tokenizer.json": tokenizer(gguf, adapter.about.rename if adapter else {}),
        "tokenizer_config.json": tokenizer_config(gguf),
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


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


def merged(gguf: Gguf, adapter: Adapter | None, progress: Progress, share: float) -> dict[str, Floats]:
    """Return the tensors of `float_tensors`, with the adapter merged into them; `progress` goes to `share`.

    Raises:
        ModelInvalid: the file is not a Llama model, or the adapter is another model's.
    """
    tensors = dict(_reported(gguf, progress, share))
    if adapter:
        adapter.apply(tensors)
    return tensors


def _reported(gguf: Gguf, progress: Progress, share: float) -> Iterator[tuple[str, Floats]]:
    for done, tensor in enumerate(float_tensors(gguf)):
        progress(share * done / len(gguf.tensors), "converting the model")
        yield tensor
