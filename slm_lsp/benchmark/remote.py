"""What a remote engine writes beside the local one, and what it costs beside the bare request."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from slm_lsp.benchmark.bare import Bare
from slm_lsp.cancel import CancelToken
from slm_lsp.completion.model import LoadedModel
from slm_lsp.engine.interface import Decoding, Token, Usage

WRITTEN = 16
"""Tokens that a line is followed for, at most."""

SHORT = 4
"""Tokens of the answers whose time is taken: the fewer, the less of it is the model's."""

CANDIDATES = 40
"""How far down the local engine's choices the other one's is looked for."""


@dataclass(frozen=True, slots=True)
class Sameness:
    """How many lines came out the same, and how near the choices were where they did not.

    `gaps` has, for each line that did not, by how many nats the local engine preferred its own token where
    the two first differ; `noise` by how many nats they differ on each token that they agree on.
    """

    lines: int
    gaps: tuple[float, ...]
    noise: tuple[float, ...]

    @property
    def bound(self) -> float:
        """The largest gap that rounding makes up for: each of the two tokens may be off by what is seen."""
        return 2 * float(np.percentile(self.noise, 99)) if self.noise else 0.0

    def figures(self) -> dict[str, float]:
        """Return counts, and the figures behind them."""
        rounding = sum(gap <= self.bound for gap in self.gaps)
        return {
            "lines": self.lines,
            "same": self.lines - len(self.gaps),
            "rounding": rounding,
            "different": len(self.gaps) - rounding,
            "bound": self.bound,
            "largest_gap": max(self.gaps, default=0.0),
        }


def sameness(
    local: LoadedModel, remote: LoadedModel, some: Sequence[list[int]], advance: Callable[[], None]
) -> Sameness:
    """Let both engines write on from each prompt to the end of the line, greedily, and compare."""
    gaps, noise = list[float](), list[float]()
    for prompt in some:
        ours, theirs = _line(local, prompt), _line(remote, prompt)
        for at, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
            if mine.id != other.id:
                if _text(local, ours) == _text(local, theirs):
                    break  # a server's text may be cut into tokens otherwise
                written = [token.id for token in ours[:at]]
                gaps.append(_gap(local, [*prompt, *written], mine, other))
                break
            noise.append(abs(mine.logprob - other.logprob))
        else:
            if len(ours) != len(theirs):
                # One of them ended its text where the other went on.
                gaps.append(float("inf"))
        advance()
    return Sameness(len(some), tuple(gaps), tuple(noise))


def overhead(remote: LoadedModel, bare: Bare, some: Sequence[list[int]]) -> dict[str, float]:
    """Return the median ms of a short answer through the engine and by the same request alone, and between.

    The server has read each prompt before. The two take turns in who is first.
    """
    ours, alone = list[float](), list[float]()
    for number, prompt in enumerate(some):
        bare.ask(prompt, SHORT)
        for turn in range(2):
            started = time.perf_counter()
            if (number + turn) % 2:
                bare.ask(prompt, SHORT)
                alone.append(1e3 * (time.perf_counter() - started))
            else:
                for _ in remote.engine.generate(prompt, Decoding(SHORT), CancelToken(), Usage()):
                    pass
                ours.append(1e3 * (time.perf_counter() - started))
    return {
        "engine_ms": statistics.median(ours),
        "bare_ms": statistics.median(alone),
        "overhead_ms": statistics.median(one - other for one, other in zip(ours, alone, strict=True)),
    }


def _line(model: LoadedModel, prompt: list[int]) -> list[Token]:
    """Return the tokens of the rest of a line, that which ends it included."""
    tokens = list[Token]()
    decoding = Decoding(WRITTEN, model.format.stop_ids)
    for token in model.engine.generate(prompt, decoding, CancelToken(), Usage()):
        tokens.append(token)
        if b"\n" in model.vocabulary.token_bytes(token.id):
            break
    return tokens


def _text(model: LoadedModel, tokens: Sequence[Token]) -> str:
    return model.vocabulary.decode([token.id for token in tokens])


def _gap(local: LoadedModel, prompt: list[int], mine: Token, other: Token) -> float:
    """Return by how many nats the local engine prefers one token to another; infinite if by far."""
    several = local.engine.generate_several(prompt, CANDIDATES, Decoding(1), CancelToken(), Usage(), set())
    known = {one.token.id: one.token.logprob for grown in several for one in grown}
    return mine.logprob - known.get(other.id, float("-inf"))
