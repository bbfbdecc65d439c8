"""What every engine offers: token ids in, token ids out.

An engine knows nothing of LSP, files, text or languages.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from slm_lsp.cancel import CancelToken


class Constraint(Protocol):
    """Narrows the choice of the next token, while what was taken off the prompt is written again."""

    def allowed(self) -> Sequence[int] | None:
        """Ids that may come next, ascending and at least one; None once the choice is free for good."""

    def accept(self, token: int) -> None:
        """Take note of the token that was chosen."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to decode one completion.

    `max_tokens` counts generated tokens; `stop_ids` end the generation and are never yielded.
    """

    max_tokens: int
    stop_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token: its id and its natural-log probability among all tokens of the vocabulary."""

    id: int
    logprob: float


@dataclass(slots=True)
class Usage:
    """What one generation cost, filled in as it runs; times in milliseconds."""

    reused: int = 0
    prefilled: int = 0
    decoded: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    ended: bool = False
    """Whether the model itself ended the text, with one of the stop ids."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is loaded, for the status and the doctor."""

    architecture: str
    parameters: int
    precision: str
    device: str
    threads: int
    context_length: int
    backend: str = field(default="slm-lsp")


class Engine(Protocol):
    """A loaded model. Not thread-safe: one thread owns it."""

    @property
    def info(self) -> EngineInfo:
        """What is loaded."""

    def generate(
        self,
        prompt: Sequence[int],
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        constraint: Constraint | None = None,
    ) -> Generator[Token, None, None]:
        """Yield the continuation of `prompt` greedily, token by token.

        The prompt has at least one token and, with `max_tokens`, fits the context length. Closing the
        iterator ends the work; `cancel` is checked between prefill chunks and between tokens.

        Raises:
            Cancelled: the token was cancelled.
            ModelError: the model failed.
        """

    def close(self) -> None:
        """Let go of the weights; the engine can't be used afterwards."""
