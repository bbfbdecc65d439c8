"""How a tokenizer spells bytes in its vocabulary, and what it adds to a text of its own accord."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

from tokenizers import Tokenizer, normalizers, pre_tokenizers

METASPACE = "▁"
"""What sentencepiece vocabularies write for a space."""

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def is_byte_level(tokenizer: Tokenizer) -> bool:
    """Whether the vocabulary is written in GPT-2's alphabet of bytes, by what its decoder does."""
    return "ByteLevel" in _kinds(tokenizer.decoder) or (
        tokenizer.decoder is None and "ByteLevel" in _kinds(tokenizer.pre_tokenizer)
    )


def bytes_of(tokenizer: Tokenizer) -> Callable[[str], bytes]:
    """Return the function that gives the exact bytes of a token from its text in the vocabulary."""
    return _byte_level if is_byte_level(tokenizer) else _sentencepiece


def byte_token(byte: int) -> str:
    """Return what a vocabulary with byte fallback calls a byte: ``<0x0A>``."""
    return f"<0x{byte:02X}>"


def is_byte_token(text: str) -> bool:
    """Whether a token's text is that of a single byte in a vocabulary with byte fallback."""
    return bool(_BYTE.fullmatch(text))


def first_added(tokenizer: Tokenizer) -> int | None:
    """Return the id that the tokenizer's post-processor puts before every text, if it does."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a", add_special_tokens=True).ids
    return full[0] if len(full) > len(bare) and full[:1] != bare[:1] else None


def end_lead(tokenizer: Tokenizer) -> str:
    """Stop the tokenizer from putting a space before every text; return what it used to put there.

    That space belongs at the start of a document, and is wrong in the middle of one.
    """
    if _end_in_pre_tokenizer(tokenizer.pre_tokenizer) | _end_in_normalizer(tokenizer):
        return " "
    return ""


class _Alphabet(dict[int, int]):
    """GPT-2's alphabet, for `str.translate`: the byte for each character; any other one is a ValueError.

    Printable bytes stand for themselves, the rest for the characters from U+0100 on, in order
    (``bytes_to_unicode`` in https://github.com/openai/gpt-2/blob/master/src/encoder.py).
    """

    def __init__(self) -> None:
        printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        others = [byte for byte in range(256) if byte not in printable]
        super().__init__({byte: byte for byte in printable})
        self.update((0x100 + index, byte) for index, byte in enumerate(others))

    def __missing__(self, character: int) -> int:
        raise ValueError(character)


_ALPHABET = _Alphabet()


def _byte_level(text: str) -> bytes:
    # Added tokens are written as they are: what is not in the alphabet is the text itself.
    try:
        return text.translate(_ALPHABET).encode("latin-1")
    except ValueError:
        return text.encode()


def _sentencepiece(text: str) -> bytes:
    if byte := _BYTE.fullmatch(text):
        return bytes([int(byte[1], 16)])
    return text.replace(METASPACE, " ").encode()


def _kinds(part: Any) -> set[str]:
    """Names of a decoder's or pre-tokenizer's steps."""
    if part is None:
        return set()
    state = json.loads(part.__getstate__())
    steps = state.get("decoders") or state.get("pretokenizers") or [state]
    return {step["type"] for step in steps}


def _end_in_pre_tokenizer(part: Any) -> bool:
    if isinstance(part, pre_tokenizers.Sequence):
        # All steps have to be asked, so no `any` over them as they come.
        return sum(map(_end_in_pre_tokenizer, cast(Any, part))) > 0
    if isinstance(part, pre_tokenizers.Metaspace) and part.prepend_scheme != "never":
        part.prepend_scheme = "never"
        return True
    if isinstance(part, pre_tokenizers.ByteLevel) and part.add_prefix_space:
        part.add_prefix_space = False
        return True
    return False


def _end_in_normalizer(tokenizer: Tokenizer) -> bool:
    part = tokenizer.normalizer
    steps = [*cast(Any, part)] if isinstance(part, normalizers.Sequence) else [part]
    kept = [step for step in steps if not isinstance(step, normalizers.Prepend)]
    if len(kept) == len(steps):
        return False
    tokenizer.normalizer = normalizers.Sequence(kept)
    return True
