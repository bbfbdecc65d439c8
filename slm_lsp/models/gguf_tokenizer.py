"""The tokenizer inside a GGUF file, as the ``tokenizer.json`` of the ``tokenizers`` library."""

from collections.abc import Mapping, Sequence
from typing import Any

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.gguf_reader import Gguf

_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4
"""GGUF's token types: of the last two, special tokens and others, text is cut out before the merges."""

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
    types = metadata["tokenizer.ggml.token_type"]
    if model == "llama":
        bpe, normalizer, pre_tokenizer, decoder = _sentencepiece(metadata, tokens, types)
    elif model == "gpt2" and pre in _PRE_TOKENIZERS:
        bpe = {"merges": [merge.split(" ", 1) for merge in metadata["tokenizer.ggml.merges"]]}
        normalizer, pre_tokenizer, decoder = None, _PRE_TOKENIZERS[pre], _BYTE_LEVEL
    else:
        raise ModelInvalid(
            f"{gguf.path} has a tokenizer of the kind {model}/{pre}, which can't be converted."
        )
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
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": decoder,
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
            **bpe,
        },
    }


def _sentencepiece(
    metadata: Mapping[str, Any], tokens: Sequence[str], types: Sequence[int]
) -> tuple[dict[str, Any], dict[str, Any], None, dict[str, Any]]:
    """Return sentencepiece's BPE with what comes before and after it, as transformers converts it."""
    scores = metadata["tokenizer.ggml.scores"]
    unknown = metadata.get("tokenizer.ggml.unknown_token_id")
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    leads = metadata.get("tokenizer.ggml.add_space_prefix", True)
    before = [{"type": "Prepend", "prepend": "▁"}, spaces] if leads else [spaces]
    after = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        *([{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if leads else []),
    ]
    bpe = {
        "unk_token": None if unknown is None else tokens[unknown],
        "fuse_unk": True,
        "byte_fallback": True,
        "merges": _merges(tokens, scores, types),
    }
    return bpe, {"type": "Sequence", "normalizers": before}, None, {"type": "Sequence", "decoders": after}


def _merges(tokens: Sequence[str], scores: Sequence[float], types: Sequence[int]) -> list[list[str]]:
    """Return the merges that a vocabulary comes of: sentencepiece keeps scores, the best goes first."""
    normal = (token_id for token_id, kind in enumerate(types) if kind == _NORMAL)
    ids = {tokens[token_id]: token_id for token_id in normal}
    merges = [
        (-scores[token_id], ids[token[:cut]], ids[token[cut:]])
        for token, token_id in ids.items()
        for cut in range(1, len(token))
        if token[:cut] in ids and token[cut:] in ids
    ]
    return [[tokens[left], tokens[right]] for _, left, right in sorted(merges)]


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
