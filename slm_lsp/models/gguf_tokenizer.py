"""The tokenizer inside a GGUF file, as the ``tokenizer.json`` of the ``tokenizers`` library."""

from collections.abc import Mapping
from typing import Any

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.gguf_reader import Gguf

_CONTROL, _USER_DEFINED = 3, 4
"""GGUF's token types of which text is cut out before the merges: special tokens, and others."""

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
        ModelInvalid: the tokenizer is not a byte-level BPE that is known.
    """
    metadata = gguf.metadata
    model, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre")
    if model != "gpt2" or pre not in _PRE_TOKENIZERS:
        raise ModelInvalid(
            f"{gguf.path} has a tokenizer of the kind {model}/{pre}, which can't be converted."
        )
    tokens = [rename.get(token, token) for token in metadata["tokenizer.ggml.tokens"]]
    types = metadata["tokenizer.ggml.token_type"]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token_id,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": kind == _CONTROL,
            }
            for token_id, (token, kind) in enumerate(zip(tokens, types, strict=True))
            if kind in (_CONTROL, _USER_DEFINED)
        ],
        "normalizer": None,
        "pre_tokenizer": _PRE_TOKENIZERS[pre],
        "post_processor": None,
        "decoder": _BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: token_id for token_id, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in metadata["tokenizer.ggml.merges"]],
        },
    }


def tokenizer_config(gguf: Gguf) -> dict[str, Any]:
    """Return ``tokenizer_config.json``: the special tokens by their part, and the chat template."""
    metadata = gguf.metadata
    tokens = metadata["tokenizer.ggml.tokens"]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": metadata["llama.context_length"],
    }
    for part, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        token_id = metadata.get(f"tokenizer.ggml.{key}_token_id")
        if token_id is not None:
            config[f"{part}_token"] = tokens[token_id]
    if "tokenizer.chat_template" in metadata:
        config["chat_template"] = metadata["tokenizer.chat_template"]
    return config
