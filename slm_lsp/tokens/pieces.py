"""Sentencepiece's BPE as the ``tokenizer.json`` of the ``tokenizers`` library, and the files it is kept in.

The format of ``tokenizer.model`` is a protocol buffer:
https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slm_lsp.errors import ModelInvalid

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
"""Kinds of tokens, in GGUF as well; of the last two, special tokens and others, text is cut out first."""

STARTS = ("<s>", "<bos>")
"""Tokens that a document begins with where the configuration says nothing of it."""

_BPE = 2
"""``model_type`` of what is merged pair by pair."""


def assembled(
    tokens: Sequence[str], kinds: Sequence[int], bpe: Mapping[str, Any], steps: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``tokenizer.json``: the BPE's own fields `bpe`, and `steps` before and after it."""
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
                "special": kind == CONTROL,
            }
            for token_id, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
            if kind in (CONTROL, USER_DEFINED)
        ],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        **steps,
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


def sentencepiece(
    tokens: Sequence[str], kinds: Sequence[int], scores: Sequence[float], unknown: int | None, leads: bool
) -> dict[str, Any]:
    """Return ``tokenizer.json``; `unknown` is the id of what stands for the unknown.

    `leads` says whether a space is put before every text.
    """
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
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
        "merges": _merges(tokens, scores, kinds),
    }
    steps = {
        "normalizer": {"type": "Sequence", "normalizers": before},
        "decoder": {"type": "Sequence", "decoders": after},
    }
    return assembled(tokens, kinds, bpe, steps)


def read(path: Path) -> tuple[dict[str, Any], str | None]:
    """Return the ``tokenizer.json`` of a ``tokenizer.model``, and the token that begins a document, if any.

    Raises:
        ModelInvalid: it is damaged, or not sentencepiece's BPE.
        OSError: it can't be read.
    """
    pieces, trainer, normalizer = list[dict[int, Any]](), dict[int, Any](), dict[int, Any]()
    try:
        for field, value in _fields(path.read_bytes()):
            if field == 1:
                pieces.append(dict(_fields(value)))
            elif field == 2:
                trainer = dict(_fields(value))
            elif field == 3:
                normalizer = dict(_fields(value))
        tokens = [piece[1].decode() for piece in pieces]
        scores = [struct.unpack("<f", piece.get(2, bytes(4)))[0] for piece in pieces]
    except (LookupError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise ModelInvalid(f"{path} is damaged; fetch it again.") from error
    if trainer.get(3) != _BPE:
        raise ModelInvalid(f"{path} is no BPE of sentencepiece's; put the model's tokenizer.json beside it.")
    kinds = [piece.get(3, NORMAL) for piece in pieces]
    unknown = kinds.index(UNKNOWN) if UNKNOWN in kinds else None
    start = next((token for token in STARTS if token in tokens), None)
    return sentencepiece(tokens, kinds, scores, unknown, bool(normalizer.get(3, True))), start


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each field of a message: an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: Any
        match key & 7:
            case 0:
                value, at = _varint(data, at)
            case 1 | 2 | 5 as kind:
                length, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
                value, at = data[at : at + length], at + length
            case _:
                raise ValueError(key)
        if at > len(data):
            raise ValueError(at)
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of seven bits a byte, and where what follows it begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _merges(tokens: Sequence[str], scores: Sequence[float], kinds: Sequence[int]) -> list[list[str]]:
    """Return the merges that a vocabulary comes of: sentencepiece keeps scores, the best goes first."""
    normal = (token_id for token_id, kind in enumerate(kinds) if kind == NORMAL)
    ids = {tokens[token_id]: token_id for token_id in normal}
    merges = [
        (-scores[token_id], ids[token[:cut]], ids[token[cut:]])
        for token, token_id in ids.items()
        for cut in range(1, len(token))
        if token[:cut] in ids and token[cut:] in ids
    ]
    return [[tokens[left], tokens[right]] for _, left, right in sorted(merges)]
