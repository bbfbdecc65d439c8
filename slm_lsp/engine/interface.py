"""What every engine offers: token ids in, token ids out.

An engine knows nothing of LSP, files, text or languages.
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from slm_lsp.cancel import CancelToken


class Constraint(Protocol):
    """Narrows the choice of the next token, while what was taken off the prompt is written again."""

    def allowed(self) -> Sequence[int] | None:
        """Ids that may come next, ascending and at least one; None once the choice is free for good."""

    def accept(self, token: int) -> None:
        """Take note of the token that was chosen."""

    @property
    def text(self) -> bytes:
        """What has still to be written, for engines that can't be told which ids may come next."""


class DraftSource(Protocol):
    """Guesses what the model will write, for the engine to verify several tokens in one pass."""

    def propose(self, tokens: Sequence[int], limit: int) -> Sequence[int]:
        """Return the likely continuation of `tokens` (the prompt and all that was generated).

        At most `limit` ids, possibly none; a wrong guess costs time and never changes the output.
        """


class Remembered(NamedTuple):
    """What several voices remember of a place, and how loud each is.

    `ids` are the tokens that are told, each once, ascending: int64 [n]; `shares` what part of all that
    followed each is to a voice, 1 in all at most: float64 [voices, n]. `loudness`, `doubt` and `power` are
    float64 [voices].

    To a token with the share q, to which the model alone gives the chance p, a voice gives
    q * exp(loudness + doubt * entropy) * p**power more before all chances are scaled to 1. The
    entropy is that of the model's own distribution, in nats. At a power of 0 shares are added, at 1 the
    model's chances are multiplied.
    """  # fmt: skip

    ids: NDArray[np.int64]
    shares: NDArray[np.float64]
    loudness: NDArray[np.float64]
    doubt: NDArray[np.float64]
    power: NDArray[np.float64]


class Memory(Protocol):
    """Says what tends to come next where the prompt ends, for the engine to mix it with what the model says.

    A pure function of what was written, so that drafts don't change the output.
    """

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        """Return what is remembered after `written`, which was generated so far; None if nothing is.

        Unless `allowed` is None, of its ids, ascending, alone.
        """

    def noted(self, written: Sequence[int], entropy: float, logs: NDArray[np.float64]) -> None:
        """Take note of what the model alone says after `written`: `logs` of its chances of what was told."""

    def draft(self, written: Sequence[int], limit: int) -> Sequence[int]:
        """Return the likely continuation of `written`: at most `limit` ids, possibly none."""


class Raised(NamedTuple):
    """Ids whose probability is raised: bool [vocabulary], and by how many nats before all are scaled to 1."""

    ids: NDArray[np.bool_]
    bonus: float


class Names(Protocol):
    """Says which tokens go on with a name that may stand where the text ends.

    A pure function of what was written, so that drafts don't change the output.
    """

    def raised(self, written: Sequence[int]) -> Raised | None:
        """Return the tokens that a known name may go on with after `written`; None where none is known."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Divide logits by `temperature`, keep the `top_k` largest (0 keeps all), then of these the fewest whose
    probabilities add up to `top_p`, and draw; the same `seed` draws the same.
    """  # fmt: skip

    temperature: float
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to decode one completion.

    `max_tokens` counts generated tokens; `stop_ids` end the generation and are never yielded. `drafts` is for
    engines that gain by it, in place of what they look up themselves (see `slm_lsp.engine.lookup`).
    `constraint` makes a new constraint for each text that is written. With `sampling`, `generate` draws
    tokens; `generate_several` does not look at it. `memory` is mixed into the model's distribution where
    nothing is drawn, by engines that compute it themselves, and proposes drafts before all others; what
    `names` raise is raised in the mixture. `margin` is for `generate_several`: by how many nats a text may be
    less likely than the likeliest.
    """

    max_tokens: int
    stop_ids: frozenset[int] = frozenset()
    drafts: DraftSource | None = None
    constraint: Callable[[], Constraint | None] = lambda: None
    sampling: Sampling | None = None
    memory: Memory | None = None
    names: Names | None = None
    margin: float = math.inf


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token.

    `logprob` is its natural-log probability among all tokens of the vocabulary, and `entropy` that of the
    whole distribution, in nats; both before a constraint narrowed the choice, and both with the memory mixed
    in and the names raised. `named` says whether another would have been chosen but for the names, `recalled`
    whether but for the memory.
    """

    id: int
    logprob: float
    entropy: float
    recalled: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Grown:
    """One of several texts that are written: text `id` is text `parent` and `token`; text 0 is the prompt."""

    id: int
    parent: int
    token: Token


@dataclass(slots=True)
class Usage:
    """What one generation cost, filled in as it runs; times in milliseconds.

    `prefilled` and `decoded` count tokens, `passes` the forward passes that decoding took, `verified` those
    that had drafts. Of the `drafted` tokens `accepted` were right; of all `decoded` ones `recalled` were
    chosen by memory, `named` by known names.
    """

    reused: int = 0
    prefilled: int = 0
    decoded: int = 0
    passes: int = 0
    verified: int = 0
    drafted: int = 0
    accepted: int = 0
    recalled: int = 0
    named: int = 0
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
    backend: str = "slm-lsp"
    weights: int | None = None
    """The weights' size in bytes, where `precision` does not tell it."""
    searches: bool = False
    """Whether `generate_several` searches for the likeliest texts, which then cost little more than one."""


class Engine(Protocol):
    """A loaded model. Not thread-safe: one thread owns it."""

    @property
    def info(self) -> EngineInfo:
        """What is loaded."""

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the continuation of `prompt`, greedily unless `decoding` says otherwise, token by token.

        The prompt has at least one token and, with `max_tokens`, fits the context length. Closing the
        iterator ends the work; `cancel` is checked between prefill chunks and between tokens. The output does
        not depend on drafts or on what is cached.

        Raises:
            Cancelled: the token was cancelled.
            ModelError: the model failed.
        """

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
    ) -> Generator[list[Grown], None, None]:
        """Write up to `count` different texts, each of at most `max_tokens`; yield those that grew, by steps.

        An engine that searches (see `EngineInfo`) keeps the `count` likeliest texts in every step: those with
        the highest sums of their tokens' `logprob`, and of these the ones within `decoding.margin` of the
        best. Others write the texts one after another that begin with the likeliest allowed first tokens, the
        first of them as `generate` does.

        A text in `ended` grows no further: the caller adds those that it wants no more of before it asks for
        the next step, the engine those that met a stop id, which is their last token if the engine knows how
        likely it is. Errors are those of `generate`.
        """

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Read `prompt` ahead of need, so that generating from it or from what begins like it costs less.

        Errors are those of `generate`.
        """

    def shrink(self) -> None:
        """Give back the memory of what is cached; the next prompt is read from its beginning."""

    def close(self) -> None:
        """Let go of the weights; the engine can't be used afterwards."""
