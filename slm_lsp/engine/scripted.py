"""An engine that plays back what it is told, for tests of everything around an engine."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Constraint, Decoding, EngineInfo, Token, Usage

Script = Callable[[Sequence[int]], Sequence[int]] | Mapping[tuple[int, ...], Sequence[int]]
"""Gives the continuation of a prompt; a table knows none for a prompt that is not in it."""


class ScriptedEngine:
    """Continues prompts as `script` says, and counts tokens as an engine with a cache would.

    A script that runs out ends the text, as a stop id would. A constraint that forbids the next scripted
    token gets its own first choice, and the scripted one waits. `delay` is in seconds, before each token
    and once for the prompt; `hook` is called with every token before it is yielded, on the engine's
    thread. `prompts` holds what was asked for, in order.
    """

    def __init__(
        self,
        script: Script,
        *,
        delay: float = 0.0,
        hook: Callable[[int], None] | None = None,
        logprob: float = -0.1,
        context_length: int = 8192,
    ) -> None:
        self._script = script
        self._delay = delay
        self._hook = hook
        self._logprob = logprob
        self._cached: list[int] = []
        self.prompts: list[tuple[int, ...]] = []
        self.closed = False
        self.info = EngineInfo("scripted", 0, "float32", "cpu", 1, context_length, backend="scripted")

    def generate(
        self,
        prompt: Sequence[int],
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        constraint: Constraint | None = None,
    ) -> Generator[Token, None, None]:
        """Yield the scripted continuation (see `slm_lsp.engine.interface.Engine.generate`)."""
        self.prompts.append(tuple(prompt))
        self._prefill(prompt, cancel, usage)
        rest = list(self._script(prompt) if callable(self._script) else self._script.get(tuple(prompt), ()))
        for _ in range(decoding.max_tokens):
            started = time.perf_counter()
            time.sleep(self._delay)
            cancel.check()
            allowed = constraint.allowed() if constraint else None
            if rest and (allowed is None or rest[0] in allowed):
                choice = rest.pop(0)
            elif allowed is not None:
                choice = allowed[0]
            else:
                usage.ended = True
                return
            if constraint:
                constraint.accept(choice)
            usage.decode_ms += (time.perf_counter() - started) * 1e3
            if choice in decoding.stop_ids:
                usage.ended = True
                return
            usage.decoded += 1
            self._cached.append(choice)
            if self._hook:
                self._hook(choice)
            yield Token(choice, self._logprob)

    def close(self) -> None:
        """Take note of it."""
        self.closed = True

    def _prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        started = time.perf_counter()
        time.sleep(self._delay)
        cancel.check()
        common = 0
        while common < min(len(self._cached), len(prompt) - 1) and self._cached[common] == prompt[common]:
            common += 1
        self._cached = list(prompt)
        usage.reused += common
        usage.prefilled += len(prompt) - common
        usage.prefill_ms += (time.perf_counter() - started) * 1e3
