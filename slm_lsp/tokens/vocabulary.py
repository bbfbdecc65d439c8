"""A tokenizer as code completion needs it: text stays text, and every token has its exact bytes."""

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from tokenizers import Tokenizer

from slm_lsp.tokens.spelling import (
    METASPACE,
    byte_token,
    bytes_of,
    end_lead,
    first_added,
    is_byte_level,
    is_byte_token,
)

END_OF_TEXT = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<｜end▁of▁sentence｜>",
    "<[end▁of▁sentence]>",
    "▁<EOT>",
    "<|im_end|>",
    "<|end|>",
    "<|eot_id|>",
    "<end_of_turn>",
)
"""Tokens that end a text or a turn in the known families; those between documents come first."""

AGREEING_KEPT = 256
"""Answers of `Vocabulary.agreeing_with` that are kept; the longest, for a space, has half the vocabulary."""

_HTML = re.compile(
    r"</?(?:a|b|blockquote|body|caption|code|em|h[1-6]|html|i|img|li|ol|p|span|strong|sub|sup|table|tbody|td|tfoot|th"
    r"|thead|tr|u|ul)>"
)
_BRACKETED = re.compile(r"▁?(?:<.*\w.*>|\[.*\w.*\])", re.DOTALL)


class Vocabulary:
    """Wraps a tokenizer and takes it over: the caller must not use or change it any more.

    `end_tokens` are texts of tokens that end a generation, over and above those known to. `bos` is the
    token that the model's configuration puts before every text: None leaves the answer to the tokenizer's own
    post-processor, "" says there is none.
    """

    def __init__(self, tokenizer: Tokenizer, end_tokens: Iterable[str] = (), bos: str | None = None) -> None:
        self._tokenizer = tokenizer
        first = first_added(tokenizer)
        # Post-processors also trim white space from the offsets.
        tokenizer.post_processor = None
        self.lead = end_lead(tokenizer)
        """What the tokenizer itself puts before a document: in most sentencepiece vocabularies a space.

        `encode` leaves it out, as it is wrong in the middle of a document.
        """
        tokenizer.no_padding()
        tokenizer.no_truncation()
        # Special tokens in a text are then tokenised like any other characters.
        tokenizer.encode_special_tokens = True
        added = tokenizer.get_added_tokens_decoder()
        ends = set(end_tokens)
        special = {
            token.content: id
            for id, token in sorted(added.items())
            if token.special or token.content in ends or _is_marker(token.content)
        }
        for text in sorted(ends - special.keys()):
            # Named by the configuration, and not listed as added.
            if (id := tokenizer.token_to_id(text)) is not None:
                special[text] = id
        self.special: Mapping[str, int] = special
        """Ids of the tokens that are no text, by content: never encoded from a text, never decoded to one."""
        self.end_ids = frozenset(id for text, id in special.items() if text in ends or text in END_OF_TEXT)
        """Ids that end a text."""
        self.bos_id = first if bos is None else special.get(bos)
        """The id that goes before every text, where the tokenizer or its configuration adds one."""
        self._special_ids = frozenset(special.values())
        self._agreeing: LRUCache[bytes, list[int]] = LRUCache(AGREEING_KEPT)

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Load the tokenizer of a model folder in Hugging Face layout.

        Raises:
            ModelInvalid: the folder holds no tokenizer that can be read.
        """
        from slm_lsp.tokens.load import from_folder

        return from_folder(folder)

    @classmethod
    def from_gguf(cls, path: Path) -> "Vocabulary":
        """Load the tokenizer within a GGUF file, which takes seconds.

        Raises:
            ModelInvalid: the file holds no tokenizer that can be read.
        """
        from slm_lsp.tokens.load import from_gguf

        return from_gguf(path)

    @property
    def size(self) -> int:
        """One more than the highest id."""
        return len(self._bytes)

    @cached_property
    def digest(self) -> str:
        """A hash of the tokenizer as a whole: of equal ones the same text has the same ids."""
        return hashlib.sha256(self._tokenizer.to_str().encode()).hexdigest()[:24]

    @property
    def start_id(self) -> int | None:
        """The id to begin an empty prompt with: the one before every text, else the end of another text."""
        if self.bos_id is not None:
            return self.bos_id
        known = (self.special[text] for text in END_OF_TEXT if text in self.special)
        return next(known, min(self.end_ids, default=None))

    def same_as(self, other: "Vocabulary") -> bool:
        """Whether every id stands for the same in another vocabulary."""
        return self._bytes == other._bytes and self.special == other.special

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; none of them is special, whatever the text says."""
        return self.encode_with_starts(text)[0]

    def encode_with_starts(self, text: str) -> tuple[list[int], list[int]]:
        """Return the ids of a text and, for each, the index of the character in which it starts.

        Ids that share one character have the same start.
        """
        ids: list[int] = []
        starts: list[int] = []
        if METASPACE not in text or not self._metaspace:
            self._encode(text, 0, ids, starts)
            return ids, starts
        at = 0
        for index, piece in enumerate(text.split(METASPACE)):
            if index:
                ids += self._metaspace
                starts += [at] * len(self._metaspace)
                at += 1
            self._encode(piece, at, ids, starts)
            at += len(piece)
        return ids, starts

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without the special ones; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.token_bytes, ids)).decode(errors="replace")

    def token_bytes(self, id: int) -> bytes:
        """Return the bytes that an id stands for; none for a special one or one beyond the vocabulary.

        A model may have more ids than its tokenizer, to round up the size of its matrices.
        """
        return self._bytes[id] if id < len(self._bytes) else b""

    def starting_with(self, prefix: bytes) -> NDArray[np.int64]:
        """Return, ascending, the ids that are not special and whose bytes begin with `prefix`."""
        order, texts = self._sorted
        low = bisect_left(texts, prefix)
        # The smallest text beyond all those that begin with the prefix: its last byte that can grow, grown.
        beyond = prefix.rstrip(b"\xff")
        high = bisect_left(texts, beyond[:-1] + bytes([beyond[-1] + 1])) if beyond else len(texts)
        return np.sort(order[low:high])

    def spelled(self, text: bytes) -> NDArray[np.int64]:
        """Return, ascending, the ids that are not special and whose bytes are `text`."""
        order, texts = self._sorted
        return np.sort(order[bisect_left(texts, text) : bisect_right(texts, text)])

    def id_of(self, text: bytes) -> int | None:
        """Return an id whose bytes are `text`, the highest if there are several, or None."""
        return self._ids.get(text)

    def agreeing_with(self, text: bytes) -> list[int]:
        """Return, ascending, the ids of text that may come first where `text` has to be written.

        Their bytes begin with `text` or are its beginning. The list is shared between calls.
        """
        if (found := self._agreeing.get(text)) is None:
            parts = [self.spelled(text[:length]) for length in range(1, len(text))]
            found = np.sort(np.concatenate([*parts, self.starting_with(text)])).tolist()
            self._agreeing[text] = found
        return found

    def _encode(self, text: str, at: int, ids: list[int], starts: list[int]) -> None:
        """Append the ids of a text that begins at character `at`, and their starts."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        found: list[int] = encoding.ids
        if self._special_ids.isdisjoint(found):
            ids += found
            starts += [at + start for start, _ in encoding.offsets]
            return
        # Some markers are not declared special, and merges or an unknown character may lead to a special
        # token as well: break the text within each of them and look again.
        done = 0
        for id, (start, end) in zip(found, encoding.offsets, strict=True):
            if id in self._special_ids:
                middle = (start + end) // 2
                self._encode(text[done:middle], at + done, ids, starts)
                # A single character with no other spelling is unknown to the model and is left out.
                done = middle if middle > start else end
        self._encode(text[done:], at + done, ids, starts)

    @cached_property
    def _bytes(self) -> list[bytes]:
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        table = [b""] * (1 + max(ids.values(), default=-1))
        spell = bytes_of(self._tokenizer)
        for text, id in ids.items():
            if id not in self._special_ids:
                table[id] = spell(text)
        return table

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        return {text: id for id, text in enumerate(self._bytes) if text}

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], list[bytes]]:
        """Ids in the order of their bytes, and the bytes in that order."""
        table = self._bytes
        order = sorted(range(len(table)), key=table.__getitem__)
        # Special tokens have no bytes, which puts them first.
        del order[: table.count(b"")]
        return np.array(order, dtype=np.int64), [table[id] for id in order]

    @cached_property
    def _metaspace(self) -> list[int]:
        """The byte tokens of `METASPACE` itself, where the tokenizer would take it for a space; else none."""
        if is_byte_level(self._tokenizer):
            return []
        spelling = METASPACE.encode()
        ids = [id for byte in spelling if (id := self._tokenizer.token_to_id(byte_token(byte))) is not None]
        return ids if len(ids) == len(spelling) else []


def _is_marker(text: str) -> bool:
    """Whether an added token is a marker though it is not declared special, as DeepSeek's FIM tokens are.

    What is not: runs of white space, and Gemma's HTML tags, which are ordinary text to the model.
    """
    return bool(_BRACKETED.fullmatch(text)) and not _HTML.fullmatch(text) and not is_byte_token(text)
