"""The tokenizer inside a GGUF file, as the ``tokenizer.json`` of the ``tokenizers`` library."""

from collections.abc import Mapping
from typing import Any

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.gguf_reader import Gguf
from slm_lsp.tokens import pieces

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}

_PRE_TOKENIZERS: dict[str, dict[str, Any]] = {
    # As in SmolLM2's own tokenizer.json: every digit stands alone.
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, _BYTE_LEVEL],
    },
}
"""How text is cut before the merges, by the name that llama.cpp gives it (``tokenizer.ggml.pre``)."""


def tokenizer(gguf: Gguf, rename: Mapping[str, str]) -> dict[str, Any]:
    """Return the contents of ``tokenizer.json``; `rename` gives special tokens other names.

    Raises:
        ModelInvalid: the tokenizer is neither a byte-level BPE that is known nor sentencepiece's BPE.
    """
    metadata = gguf.metadata
    model, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre")
    tokens = [rename.get(token, token) for token in metadata["tokenizer.ggml.tokens"]]
    kinds = metadata["tokenizer.ggml.token_type"]
    if model == "llama":
        unknown = metadata.get("tokenizer.ggml.unknown_token_id")
        leads = metadata.get("tokenizer.ggml.add_space_prefix", True)
        return pieces.sentencepiece(tokens, kinds, metadata["tokenizer.ggml.scores"], unknown, leads)
    if model == "gpt2" and pre in _PRE_TOKENIZERS:
        bpe = {"merges": [merge.split(" ", 1) for merge in metadata["tokenizer.ggml.merges"]]}
        steps = {"pre_tokenizer": _PRE_TOKENIZERS[pre], "decoder": _BYTE_LEVEL}
        return pieces.assembled(tokens, kinds, bpe, steps)
    raise ModelInvalid(f"{gguf.path} has a tokenizer of the kind {model}/{pre}, which can't be converted.")


def tokenizer_config(gguf: Gguf) -> dict[str, Any]:
    """Return ``tokenizer_config.json``: the special tokens by their part, and the chat template."""
    metadata = gguf.metadata
    tokens = metadata["tokenizer.ggml.tokens"]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": metadata[f"{metadata['general.architecture']}.context_length"],
    }
    for part, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        token_id = metadata.get(f"tokenizer.ggml.{key}_token_id")
        if token_id is not None:
            config[f"{part}_token"] = tokens[token_id]
    if "tokenizer.ggml.add_bos_token" in metadata:
        config["add_bos_token"] = metadata["tokenizer.ggml.add_bos_token"]
    if "tokenizer.chat_template" in metadata:
        config["chat_template"] = metadata["tokenizer.chat_template"]
    return config
