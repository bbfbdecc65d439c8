"""What drafts gain in holes of a repository, and that they leave what is written as it is."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.cursor import look
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import prompt_of, remembered
from slm_lsp.engine.interface import Decoding, Memory, Remembered, Usage
from slm_lsp.engine.lookup import Lookup, Nothing
from slm_lsp.evaluation.holes import Plan, Task, repository, request
from slm_lsp.evaluation.holes import settings as settings_for

WRITTEN = 64
"""Tokens that are written in each hole at most, beyond its end if need be."""

WAYS = ("no drafts", "looked up in the prompt", "and in memory")
"""Where drafts are from; memory is mixed into what is written in all of them."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """What was written in a hole in one of `WAYS`: its tokens, what that took, and seconds."""

    written: tuple[int, ...]
    usage: Usage
    seconds: float


class _Mixed:
    """A memory that is mixed in and drafts nothing."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        return self._memory.recalled(written, allowed)

    def noted(self, written: Sequence[int], entropy: float, logs: NDArray[np.float64]) -> None:
        self._memory.noted(written, entropy, logs)

    def draft(self, written: Sequence[int], limit: int) -> Sequence[int]:
        return ()


def drafted(model: LoadedModel, plan: Plan, chosen: Sequence[Task]) -> Iterator[list[Drafted]]:
    """Yield what is written in each hole, one for each of `WAYS`; the prompt has been read by then.

    Raises:
        ModelError: the model failed.
    """
    with repository(plan, model.vocabulary) as contexts:
        assert contexts
        for task in chosen:
            asked = replace(request(task), contexts=contexts)
            contexts.forget(asked.document.uri)
            settings, (_, around) = settings_for(task.hole.kind), look(asked)
            prompt = prompt_of(model, asked, settings)
            memory = remembered(model, asked, around, settings, prompt)
            assert memory
            plain = Decoding(WRITTEN, model.format.stop_ids, Nothing(), memory=_Mixed(memory))
            # A lookup of its own knows the prompt alone, and nothing that was written from it before.
            ways = (plain, replace(plain, drafts=Lookup()), replace(plain, drafts=Lookup(), memory=memory))
            yield [_written(model, prompt.ids, decoding) for decoding in ways]


def _written(model: LoadedModel, prompt: Sequence[int], decoding: Decoding) -> Drafted:
    usage = Usage()
    model.engine.prefill(prompt, CancelToken(), usage)
    started = time.perf_counter()
    tokens = tuple(one.id for one in model.engine.generate(prompt, decoding, CancelToken(), usage))
    return Drafted(tokens, usage, time.perf_counter() - started)
