"""An engine that plays back what it is told, for tests of everything around an engine."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import count as counted
from itertools import islice

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, EngineInfo, Grown, Token, Usage

Script = Callable[[Sequence[int]], Sequence[int]] | Mapping[tuple[int, ...], Sequence[int]]
"""Gives the continuation of a prompt; a table knows none for a prompt that is not in it."""


class ScriptedEngine:
    """Continues prompts as `script` says, and counts tokens as an engine with a cache would.

    A script that runs out ends the text, as a stop id would. A constraint that forbids the next scripted
    token gets its own first choice, and the scripted one waits. Of several texts the first is the
    script's, the others come from `others`, which gives the further continuations of a prompt. `delay` is in
    seconds, before each token and once for the prompt; `hook` is called with every token before it is
    yielded, on the engine's thread. `prompts` holds what was asked for, in order, and `prefills` what was to
    be read ahead of need.
    """

    def __init__(
        self,
        script: Script,
        *,
        delay: float = 0.0,
        hook: Callable[[int], None] | None = None,
        logprob: float = -0.1,
        entropy: float = 0.3,
        others: Callable[[Sequence[int]], Sequence[Sequence[int]]] = lambda prompt: (),
        context_length: int = 8192,
        searches: bool = False,
    ) -> None:
        self._script = script
        self._delay = delay
        self._hook = hook
        self._logprob = logprob
        self._entropy = entropy
        self._others = others
        self._cached: list[int] = []
        self.prompts: list[tuple[int, ...]] = []
        self.prefills: list[tuple[int, ...]] = []
        self.shrunk = 0
        self.closed = False
        self.info = EngineInfo(
            "scripted", 0, "float32", "cpu", 1, context_length, "scripted", searches=searches
        )

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the scripted continuation (see `slm_lsp.engine.interface.Engine.generate`)."""
        self.prompts.append(tuple(prompt))
        self._prefill(prompt, cancel, usage)
        for token in self._continue(self._scripted(prompt), decoding, cancel, usage):
            if token is None:
                usage.ended = True
                return
            self._cached.append(token.id)
            yield token

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
    ) -> Generator[list[Grown], None, None]:
        """Yield scripted texts side by side (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        self.prompts.append(tuple(prompt))
        self._prefill(prompt, cancel, usage)
        scripts = [self._scripted(prompt), *self._others(prompt)][:count]
        texts = [(0, self._continue(script, decoding, cancel, usage)) for script in scripts]
        numbers = counted(1)
        while texts:
            grown, going = list[Grown](), list[tuple[int, Generator[Token | None, None, None]]]()
            for parent, tokens in texts:
                for token in islice(tokens, 1):
                    if token is None:
                        ended.add(parent)
                    else:
                        grown.append(Grown(next(numbers), parent, token))
                        going.append((grown[-1].id, tokens))
            if grown:
                yield grown
            texts = [(text, tokens) for text, tokens in going if text not in ended]

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Take note of a prompt (see `slm_lsp.engine.interface.Engine.prefill`)."""
        self.prefills.append(tuple(prompt))
        self._prefill(prompt, cancel, usage)

    def shrink(self) -> None:
        """Forget the prompt that was read, and count that."""
        self._cached = []
        self.shrunk += 1

    def close(self) -> None:
        """Take note of it."""
        self.closed = True

    def _scripted(self, prompt: Sequence[int]) -> Sequence[int]:
        return self._script(prompt) if callable(self._script) else self._script.get(tuple(prompt), ())

    def _continue(
        self, script: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token | None, None, None]:
        """Yield the tokens of one continuation; None if it ended by itself."""
        rest, constraint = list(script), decoding.constraint()
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
                yield None
                return
            if constraint:
                constraint.accept(choice)
            usage.passes += 1
            usage.decode_ms += (time.perf_counter() - started) * 1e3
            if choice in decoding.stop_ids:
                yield None
                return
            usage.decoded += 1
            if self._hook:
                self._hook(choice)
            yield Token(choice, self._logprob, self._entropy)

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
