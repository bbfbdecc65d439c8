"""The engine of another process, behind the engine's interface."""

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, EngineInfo, Grown, Token, Usage
from slm_lsp.engine.shared.questions import answer
from slm_lsp.engine.shared.wire import LOST, Header, Wire
from slm_lsp.errors import ModelError

TICK = 1.0
"""Seconds after which a wait is looked at again: whoever watches sees that it goes on."""

_numbers = itertools.count(1)


class SharedEngine:
    """Speaks to the process that owns the engine; `join` connects to it, and starts it if it is gone.

    `join` returns the connection and what the process said of its engine.
    """

    def __init__(self, join: Callable[[], tuple[Wire, Header]]) -> None:
        self._join = join
        self._wire: Wire | None
        self._wire, welcome = join()
        self._info = EngineInfo(**welcome["info"])

    @property
    def info(self) -> EngineInfo:
        """What is loaded there."""
        return self._info

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the continuation greedily (see `slm_lsp.engine.interface.Engine.generate`)."""
        header = _request("generate", decoding)
        for (grown,) in self._asked(header, prompt, cancel, usage, set(), decoding):
            yield grown.token

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
    ) -> Generator[list[Grown], None, None]:
        """Yield texts as they grow (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        header = _request("generate", decoding) | {"count": count, "margin": decoding.margin}
        yield from self._asked(header, prompt, cancel, usage, ended, decoding)

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Read a prompt ahead of need (see `slm_lsp.engine.interface.Engine.prefill`)."""
        for _ in self._asked({"do": "prefill"}, prompt, cancel, usage, set()):
            pass

    def shrink(self) -> None:
        """Empty the cache, which other windows lose as well."""
        for _ in self._asked({"do": "shrink"}, (), CancelToken(), Usage(), set()):
            pass

    def close(self) -> None:
        """Leave; the engine itself stays for other windows."""
        if self._wire:
            self._wire.close()
            self._wire = None

    def _asked(
        self,
        header: Header,
        prompt: Sequence[int],
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
        decoding: Decoding | None = None,
    ) -> Generator[list[Grown], None, None]:
        """Send a request and yield what comes; it is called off if the caller wants no more."""
        cancel.check()
        number, over = next(_numbers), False
        wire = self._sent(header | {"job": number}, prompt)
        before = asdict(usage)

        def call_off() -> None:
            with suppress(*LOST):
                wire.send({"do": "cancel", "job": number})

        try:
            with cancel.calling(call_off):
                for message, ids in self._messages(wire, number, cancel):
                    if decoding and "ask" in message:
                        said, more = answer(message, ids, decoding)
                        wire.send({"do": "say", "job": number} | said, more)
                        continue
                    for name, value in message["cost"].items():
                        setattr(usage, name, value if name == "ended" else before[name] + value)
                    ended.update(message["ended"])
                    if over := "grown" not in message:
                        break
                    yield [
                        Grown(id, parent, Token(token, *rest))
                        for token, (id, parent, *rest) in zip(ids, message["grown"], strict=True)
                    ]
                    if "count" in header:
                        wire.send({"do": "say", "job": number, "ended": sorted(ended)})
            cancel.check()
        except LOST as error:
            self._lost(error)
        finally:
            if not over:
                call_off()

    def _sent(self, header: Header, prompt: Sequence[int]) -> Wire:
        """Send a request; join again, once, if the engine's process is gone."""
        for attempt in range(2):
            if self._wire is None:
                self._wire, _ = self._join()
            try:
                self._wire.send(header, prompt)
            except LOST as error:
                if attempt:
                    self._lost(error)
                self.close()
            else:
                break
        assert self._wire
        return self._wire

    def _messages(
        self, wire: Wire, number: int, cancel: CancelToken
    ) -> Iterator[tuple[Header, Sequence[int]]]:
        """Yield the messages of a job; those of jobs that were called off are passed over."""
        while True:
            received = wire.receive(TICK)
            if received is None:
                cancel.check()
                continue
            message, ids = received
            if message.get("job") != number:
                continue
            if "error" in message:
                raise ModelError(message["error"])
            yield message, ids

    def _lost(self, error: BaseException) -> None:
        self.close()
        raise ModelError("the shared engine ended; the next request starts it again.") from error


def _request(kind: str, decoding: Decoding) -> Header:
    constraint = decoding.constraint()
    made: dict[str, Any] = {"do": kind, "max": decoding.max_tokens, "stop": sorted(decoding.stop_ids)}
    if decoding.sampling:
        made["sampling"] = asdict(decoding.sampling)
    made |= {"names": decoding.names is not None, "memory": decoding.memory is not None}
    return made | ({"text": constraint.text.hex()} if constraint else {})
