"""A model on a server behind the engine's interface: ids become a request, a stream becomes ids."""

import re
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from itertools import count as counted
from typing import Protocol

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, EngineInfo, Grown, Token, Usage
from slm_lsp.engine.remote.breaker import Breaker
from slm_lsp.engine.remote.connection import Connection, Json
from slm_lsp.engine.remote.dialects import DIALECTS, Piece, body, dialect_of, model_of, pieces
from slm_lsp.errors import EndpointError

UNSTATED_CONTEXT = 4096
"""Tokens that a server is taken to read where it does not say."""

BREAK = "\u200b"
"""Put into what looks like a special token in the user's own text, where a server would take it for one."""


class Spelling(Protocol):
    """What is needed of a vocabulary."""

    @property
    def special(self) -> Mapping[str, int]:
        """Ids of the tokens that are no text, by content."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; none of them is special."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without the special ones."""


class RemoteEngine:
    """An engine on a server.

    Prompts are in the ids of `spelling`, the server's model's own; or, if `markers` are given, any model's:
    these two ids stand before the prefix and before the suffix, and the server builds the prompt.
    `bos` is left out where the prompt goes as a text, since servers put it there themselves.
    """

    def __init__(
        self,
        connection: Connection,
        spelling: Spelling,
        bos: int | None,
        markers: tuple[int, int] | None,
        breaker: Breaker,
    ) -> None:
        self._connection, self._spelling, self._markers = connection, spelling, markers
        self._bos = bos
        self._names = {id: text for text, id in spelling.special.items()}
        looks = "|".join(re.escape(text) for text in spelling.special if len(text) > 1)
        self._special = re.compile(looks or r"(?!)")
        self._kind, self._model = "", ""
        self.breaker = breaker
        where = connection.endpoint
        self._info = EngineInfo(
            where.model or "unknown", 0, "remote", where.url, 0, UNSTATED_CONTEXT, "endpoint"
        )

    @property
    def info(self) -> EngineInfo:
        """What serves; what is not known yet is a guess."""
        return self._info

    def connect(self, cancel: CancelToken) -> None:
        """Ask the server what it is and what it serves, unless that is known.

        Raises:
            EndpointError: it does not say, or can't serve as it is set.
        """
        if self._kind:
            return
        models = self._connection.get("/v1/models", cancel)
        endpoint = self._connection.endpoint
        kind = dialect_of(models, endpoint.kind)
        if self._markers and not DIALECTS[kind].builds:
            raise EndpointError(f"{kind} needs a prompt that is built here; set `endpointTokenizer`")
        self._model, length = model_of(models, endpoint.model)
        self._kind = kind
        self._info = EngineInfo(
            self._model, 0, "remote", endpoint.url, 0, length or UNSTATED_CONTEXT, backend=kind
        )

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        """Yield the continuation greedily (see `slm_lsp.engine.interface.Engine.generate`).

        Raises:
            EndpointError: the server does not answer as it should, or has not done so lately.
        """
        with closing(self._written(prompt, decoding, cancel, usage)) as written:
            for piece in written:
                yield from self._tokens(piece, usage)

    def generate_several(
        self,
        prompt: Sequence[int],
        count: int,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
        ended: set[int],
    ) -> Generator[list[Grown], None, None]:
        """Yield texts one after another (see `slm_lsp.engine.interface.Engine.generate_several`)."""
        tail, numbers = _tail(decoding), counted(1)
        others: list[tuple[str, float]] = []

        def grown(pieces: Iterable[Piece], own: Usage) -> Iterator[list[Grown]]:
            """Yield the steps of one text; take note of what the others may begin with."""
            text = 0
            for piece in pieces:
                if not others:
                    others.extend(one for one in piece.tops if one[0] != piece.text and _agree(one[0], tail))
                for token in self._tokens(piece, usage):
                    text, parent = next(numbers), text
                    yield [Grown(text, parent, token)]
                if text in ended:
                    return
            if own.ended:
                ended.add(text)

        with closing(self._written(prompt, decoding, cancel, usage)) as written:
            yield from grown(written, usage)
        for first, logprob in others[: count - 1]:
            own = Usage()
            with closing(self._written(prompt, decoding, cancel, own, first)) as written:
                yield from grown(chain([Piece(first, (), logprob)], written), own)

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        """Do nothing: a server that many share is not asked ahead of need."""

    def shrink(self) -> None:
        """Do nothing: nothing is cached here."""

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _tokens(self, piece: Piece, usage: Usage) -> Iterator[Token]:
        """Yield what a piece's text is in ids; the server's own may be split otherwise, or untold."""
        for id in self._spelling.encode(piece.text):
            usage.decoded += 1
            yield Token(id, piece.logprob, piece.entropy)

    def _written(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage, first: str = ""
    ) -> Generator[Piece, None, None]:
        """Yield what is written behind the prompt and `first`, the healed tail of the prompt included."""
        tail = _tail(decoding)
        tail = tail[len(first) :] if tail.startswith(first) else ""
        self.breaker.check()
        try:
            self.connect(cancel)
            yield from self._healed(prompt, first, tail, decoding, cancel, usage)
        except EndpointError as error:
            self.breaker.failed(str(error))
            raise
        except GeneratorExit:  # the caller has what it wants
            self.breaker.worked()
            raise
        self.breaker.worked()

    def _healed(
        self,
        prompt: Sequence[int],
        first: str,
        tail: str,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
    ) -> Generator[Piece, None, None]:
        """Yield what comes, beginning with `tail`.

        A server that can't be held to it is asked without it first, and again behind it if it writes
        something else.
        """
        came = ""
        with closing(self._asked(prompt, first, tail, decoding, cancel, usage)) as answer:
            for piece in answer:
                if len(came) < len(tail) and not _agree(came + piece.text, tail):
                    break
                came += piece.text
                yield piece
            else:
                if len(came) >= len(tail):
                    return
        usage.ended = False
        yield Piece(tail[len(came) :])
        with closing(self._asked(prompt, first + tail, "", decoding, cancel, usage)) as answer:
            yield from answer

    def _asked(
        self,
        prompt: Sequence[int],
        written: str,
        tail: str,
        decoding: Decoding,
        cancel: CancelToken,
        usage: Usage,
    ) -> Generator[Piece, None, None]:
        """Yield the pieces of one answer, until its end or a stop id."""
        dialect = DIALECTS[self._kind]
        path, place = self._place(prompt, written)
        request = body(dialect, self._model, decoding.max_tokens, sorted(decoding.stop_ids), tail) | place
        started = time.perf_counter()
        usage.prefilled += len(prompt)
        begun = False
        with closing(self._connection.stream(path, request, cancel)) as events:
            for event in events:
                now = time.perf_counter()
                usage.decode_ms, usage.prefill_ms = (
                    (usage.decode_ms + (now - started) * 1e3, usage.prefill_ms)
                    if begun
                    else (usage.decode_ms, usage.prefill_ms + (now - started) * 1e3)
                )
                started, begun = now, True
                for piece in pieces(event):
                    if not self._markers and not decoding.stop_ids.isdisjoint(piece.ids):
                        usage.ended = True
                        return
                    if piece.text:
                        usage.passes += 1
                        yield piece
                    usage.ended |= piece.finish not in ("", "length", "limit")

    def _place(self, prompt: Sequence[int], written: str) -> tuple[str, Json]:
        """Return the path to ask at, and what a request says of the prompt."""
        dialect = DIALECTS[self._kind]
        if self._markers:
            prefix, suffix = self._parts(prompt)
            if dialect.builds == "/infill":
                return "/infill", {"input_prefix": prefix, "input_suffix": suffix, "prompt": written}
            return "/v1/completions", {"prompt": prefix + written, "suffix": suffix}
        if dialect.ids:
            return "/v1/completions", {"prompt": [*prompt, *self._spelling.encode(written)]}
        return "/v1/completions", {"prompt": self._text(prompt) + self._plain(written)}

    def _parts(self, prompt: Sequence[int]) -> tuple[str, str]:
        """Return the texts before and after the cursor of a prompt with the server's markers."""
        assert self._markers
        at = prompt.index(self._markers[1]) if self._markers[1] in prompt else len(prompt)
        before, after = self._spelling.decode(prompt[:at]), self._spelling.decode(prompt[at + 1 :])
        return self._plain(before), self._plain(after)

    def _text(self, prompt: Sequence[int]) -> str:
        """Return a prompt as text, in which the special tokens' own texts are the only ones."""
        text, run = "", list[int]()
        for id in prompt[1:] if prompt[0] == self._bos else prompt:
            if id in self._names:
                text += self._plain(self._spelling.decode(run)) + self._names[id]
                run = []
            else:
                run.append(id)
        return text + self._plain(self._spelling.decode(run))

    def _plain(self, text: str) -> str:
        return self._special.sub(lambda found: found[0][0] + BREAK + found[0][1:], text)


def _tail(decoding: Decoding) -> str:
    """Return the text that has to be written first."""
    constraint = decoding.constraint()
    return constraint.text.decode(errors="replace") if constraint else ""


def _agree(text: str, tail: str) -> bool:
    return text.startswith(tail) or tail.startswith(text)
