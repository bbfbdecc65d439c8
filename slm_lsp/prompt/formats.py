"""Fill-in-the-middle formats: one row of data per model family, chosen by the tokenizer's own special tokens.

Families that share their tokens and the order of them can't be told apart, and need not be. Where the order
differs too, the row says what else gives the family away. That a tokenizer has the tokens does not prove that
its model was trained with them (Qwen3 and Mistral Nemo have them as well); nothing in the files tells that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from slm_lsp.tokens.chat import Chat
from slm_lsp.tokens.vocabulary import Vocabulary


class Files(Enum):
    """How code of other files is set apart in a family's training data."""

    COMMENTS = "behind comments that name the path, within the prefix"
    AHEAD = "behind comments that name the path, in front of all markers"
    SEPARATED = "each after the file marker, its path and a new line; the current file's path likewise"
    PATH_WITHIN = "as separated, but the current file's path stands behind the prefix marker"
    PLUS_SIGNS = "each after `+++++ path` and a new line, the current file likewise, within the prefix"


@dataclass(frozen=True, slots=True)
class Family:
    """One row: the markers, their order, and how a family was shown several files.

    `middle` is "" where the model goes straight on from the prefix. A vocabulary is of the family if it has
    all the markers that are not "" and all of `signs` as special tokens. `repository` goes before the
    repository's name.
    """

    name: str
    prefix: str
    suffix: str
    middle: str = ""
    suffix_first: bool = False
    signs: tuple[str, ...] = ()
    files: Files = Files.COMMENTS
    repository: str = ""
    file: str = ""

    @property
    def markers(self) -> tuple[str, ...]:
        """The special tokens that the row needs."""
        all_ = (self.prefix, self.suffix, self.middle, self.repository, self.file, *self.signs)
        return tuple(marker for marker in all_ if marker)


_QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
FAMILIES = (
    Family("qwen", *_QWEN, files=Files.SEPARATED, repository="<|repo_name|>", file="<|file_sep|>"),
    Family("codegemma", *_QWEN, files=Files.SEPARATED, file="<|file_separator|>"),
    # Granite 4, and whoever else has Qwen's three markers and no file marker.
    Family("granite4", *_QWEN),
    Family("starcoder2", *_STARCODER, files=Files.PATH_WITHIN, repository="<repo_name>", file="<file_sep>"),
    # StarCoder's tokens, suffix first; only its role tokens give Mellum away.
    Family(
        "mellum",
        *_STARCODER,
        suffix_first=True,
        signs=("<system>", "<user>", "<assistant>"),
        files=Files.SEPARATED,
        file="<filename>",
    ),
    # StarCoder, Granite Code, Refact and Stable-Code have the same tokens, and all take this order: Refact is
    # also asked suffix first, but its model card shows it so. They write paths differently; comments do.
    Family("starcoder", *_STARCODER),
    Family("santacoder", "<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
    Family("codellama", "▁<PRE>", "▁<SUF>", "▁<MID>"),
    Family("deepseek", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    Family("codestral", "[PREFIX]", "[SUFFIX]", suffix_first=True, signs=("[INST]",), files=Files.PLUS_SIGNS),
    # What `slm-lsp tune` teaches a model that has no markers of its own.
    Family("slm", "[PREFIX]", "[SUFFIX]", suffix_first=True, files=Files.AHEAD),
    Family("seed-coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", suffix_first=True),
)
"""Every known family, those with more markers before those that share some of them."""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How a model wants to be asked, in the ids of its vocabulary.

    `fills` says whether it uses what follows the cursor; without it the prompt is the prefix alone.
    With `chat` it is asked for the middle in words (see `slm_lsp.prompt.chat`).
    `files` says how other files are shown; a model that knows no markers takes them in front.
    `start_id` begins a prompt that would be empty. Every id of `stop_ids` ends the generation: a special
    token is never part of a file.
    """

    family: str
    fills: bool
    suffix_first: bool
    stop_ids: frozenset[int]
    bos_id: int | None = None
    start_id: int | None = None
    prefix_id: int | None = None
    suffix_id: int | None = None
    middle_id: int | None = None
    files: Files = Files.AHEAD
    repository_id: int | None = None
    file_id: int | None = None
    chat: Chat | None = None

    def render(self, prefix: Sequence[int], suffix: Sequence[int], context: Sequence[int] = ()) -> list[int]:
        """Put prefix and suffix in their places; what the model writes after it is the middle.

        `context` is what stands before the current file, separated as the family does it.
        """
        before = _marked(self.prefix_id, prefix)
        after = _marked(self.suffix_id, suffix) if self.fills else []
        parts = [after, before] if self.suffix_first else [before, after]
        ids = [*_marked(self.bos_id, context), *parts[0], *parts[1], *_marked(self.middle_id, ())]
        return ids or _marked(self.start_id, ())


def detect(vocabulary: Vocabulary, chat: Chat | None = None) -> PromptFormat:
    """Find a model's format by its tokenizer's special tokens.

    Without known ones it is asked through `chat`, or else shown the prefix alone.
    """
    special = vocabulary.special
    stop_ids = vocabulary.end_ids | frozenset(special.values())
    start_id = vocabulary.start_id
    for family in FAMILIES:
        if all(marker in special for marker in family.markers):
            return PromptFormat(
                family.name,
                fills=True,
                suffix_first=family.suffix_first,
                stop_ids=stop_ids,
                bos_id=vocabulary.bos_id,
                start_id=start_id,
                prefix_id=special[family.prefix],
                suffix_id=special[family.suffix],
                middle_id=special.get(family.middle),
                files=family.files,
                repository_id=special.get(family.repository),
                file_id=special.get(family.file),
            )
    if chat:
        return PromptFormat("chat", True, False, stop_ids, start_id=start_id, files=Files.COMMENTS, chat=chat)
    return PromptFormat("plain", False, False, stop_ids, vocabulary.bos_id, start_id)


def served(vocabulary: Vocabulary) -> PromptFormat:
    """Return the format for a server that builds the prompt: two ids beyond the vocabulary mark its parts."""
    return PromptFormat(
        "the server's own",
        fills=True,
        suffix_first=False,
        stop_ids=frozenset(),
        prefix_id=vocabulary.size,
        suffix_id=vocabulary.size + 1,
        files=Files.COMMENTS,
    )


def _marked(marker: int | None, ids: Sequence[int]) -> list[int]:
    return [*ids] if marker is None else [marker, *ids]
