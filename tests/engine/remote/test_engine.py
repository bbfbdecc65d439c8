import threading
from collections.abc import Iterator
from typing import Any

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.engine.remote.breaker import FAILURES, Breaker
from slm_lsp.engine.remote.connection import TRIES, Connection
from slm_lsp.engine.remote.endpoint import Endpoint
from slm_lsp.engine.remote.engine import RemoteEngine
from slm_lsp.errors import EndpointError
from slm_lsp.prompt.build import build
from slm_lsp.prompt.formats import detect, served
from slm_lsp.tokens.healing import TailConstraint
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.engine.growing import grow, ids
from tests.engine.remote.faults import Faulty, serving
from tests.tokenizers import tokenizer

PREFIX, SUFFIX = "def total(items):\n    return ", "\n\nprint(total([]))\n"


class Bench:
    """A server, and an engine that speaks to it with a vocabulary of the Qwen family."""

    def __init__(self, server: Faulty) -> None:
        self.server = server
        self.vocabulary = Vocabulary(tokenizer("qwen"))
        self.clock = 0.0
        self._engines: list[RemoteEngine] = []

    def engine(self, *, kind: str = "auto", builds: bool = False, seconds: float = 20.0) -> RemoteEngine:
        format = served(self.vocabulary)
        assert format.prefix_id
        assert format.suffix_id
        markers = (format.prefix_id, format.suffix_id) if builds else None
        endpoint = Endpoint(self.server.url, kind, "", "", seconds)
        connection = Connection(endpoint, "right")
        breaker = Breaker(lambda: self.clock)
        made = RemoteEngine(connection, self.vocabulary, self.vocabulary.bos_id, markers, breaker)
        self._engines.append(made)
        return made

    def prompt(self, *, builds: bool = False, prefix: str = PREFIX) -> list[int]:
        format = served(self.vocabulary) if builds else detect(self.vocabulary)
        return build(
            self.vocabulary,
            format,
            prefix,
            SUFFIX,
            prefix_tokens=200,
            suffix_tokens=100,
            context_length=1000,
            max_tokens=16,
            heal=False,
        ).ids

    def decoding(self, tail: str = "") -> Decoding:
        stops = frozenset(self.vocabulary.special.values())
        constraint = (lambda: TailConstraint(self.vocabulary, tail)) if tail else lambda: None
        return Decoding(16, stops, constraint=constraint)

    def text(self, engine: RemoteEngine, usage: Usage | None = None, tail: str = "") -> str:
        tokens = engine.generate(self.prompt(), self.decoding(tail), CancelToken(), usage or Usage())
        return self.vocabulary.decode([token.id for token in tokens])

    def close(self) -> None:
        for engine in self._engines:
            engine.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with serving(Faulty(lambda _body: ["sum(", "é", "items)"])) as server:
        made = Bench(server)
        yield made
        made.close()


def test_what_is_streamed_becomes_tokens_of_the_vocabulary(bench: Bench) -> None:
    usage = Usage()
    engine = bench.engine()
    assert bench.text(engine, usage) == "sum(éitems)"
    assert usage.ended
    (path, body, _) = bench.server.requests[0]
    assert (path, body["prompt"], body["temperature"]) == ("/v1/completions", bench.prompt(), 0)
    assert (engine.info.architecture, engine.info.context_length) == ("coder", 2048)
    assert engine.info.device == bench.server.url


def test_a_stop_id_ends_the_text(bench: Bench) -> None:
    bench.server.ids = [300, bench.vocabulary.special["<|endoftext|>"]]
    usage = Usage()
    assert bench.text(bench.engine(), usage) == "sum("
    assert usage.ended


def test_a_connection_is_kept(bench: Bench) -> None:
    engine = bench.engine()
    for _ in range(3):
        bench.text(engine)
    assert len({port for _, _, port in bench.server.requests}) == 1


def test_closing_the_iterator_closes_the_stream(bench: Bench) -> None:
    bench.server.faults = ["endless"]
    tokens = bench.engine().generate(bench.prompt(), bench.decoding(), CancelToken(), Usage())
    next(tokens)
    tokens.close()
    assert bench.server.gone.acquire(timeout=20)


@pytest.mark.parametrize("fault", ["slow", "stuck"])
def test_a_wait_for_the_server_is_called_off(bench: Bench, fault: str) -> None:
    bench.server.faults = [fault]
    engine, cancel = bench.engine(), CancelToken()
    tokens = engine.generate(bench.prompt(), bench.decoding(), cancel, Usage())
    if fault == "stuck":
        next(tokens)
    timer = threading.Timer(0.05, cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        for _ in tokens:
            pass
    timer.join()
    # That was nobody's fault, and the server serves on.
    assert engine.breaker.reason == ""
    bench.server.released.set()
    assert bench.text(engine)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("slow", "did not answer within"),
        ("stuck", "did not answer within"),
        ("cut off", "broke off"),
        (429, "refused with status 429: not now"),
        (500, "refused with status 500"),
        (404, "refused with status 404"),
        ("nonsense", "answers with text/html instead of a stream"),
        ("garbled", "not JSON"),
        ("endless", "answers without an end"),
        ("failing", "failed: out of memory"),
    ],
)
def test_each_fault_has_its_sentence_and_the_next_request_works(
    bench: Bench, fault: int | str, sentence: str
) -> None:
    bench.server.faults = [fault] * (TRIES if fault in (429, 500) else 1)
    waits = fault in ("slow", "stuck")
    engine = bench.engine(seconds=0.3 if waits else 20.0)
    with pytest.raises(EndpointError, match=sentence):
        bench.text(engine)
    assert engine.breaker.reason
    bench.server.released.set()
    assert bench.text(engine) == "sum(éitems)"
    assert engine.breaker.reason == ""


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(bench: Bench, status: int) -> None:
    bench.server.faults = [status]
    assert bench.text(bench.engine()) == "sum(éitems)"
    assert len(bench.server.requests) == 2


def test_a_server_that_fails_again_and_again_is_left_alone_for_a_while(bench: Bench) -> None:
    engine = bench.engine()
    bench.server.faults = ["nonsense"] * FAILURES
    for _ in range(FAILURES):
        with pytest.raises(EndpointError, match="instead of a stream"):
            bench.text(engine)
    with pytest.raises(EndpointError, match="asked again in"):
        bench.text(engine)
    assert len(bench.server.requests) == FAILURES
    bench.clock = 1000.0
    assert bench.text(engine) == "sum(éitems)"


def test_the_key_is_sent_and_a_wrong_one_named(bench: Bench) -> None:
    bench.server.key = "right"
    assert bench.text(bench.engine())
    bench.server.key = "other"
    with pytest.raises(EndpointError, match="look at its key"):
        bench.text(bench.engine())


def test_a_server_that_takes_text_gets_the_markers_as_text_and_no_others(bench: Bench) -> None:
    engine = bench.engine(kind="tgi")
    prompt = bench.prompt(prefix="# <|fim_middle|>\nx = ")
    list(engine.generate(prompt, bench.decoding(), CancelToken(), Usage()))
    sent = bench.server.requests[0][1]["prompt"]
    assert sent.startswith("<|fim_prefix|># <\u200b|fim_middle|>\nx = <|fim_suffix|>")
    assert sent.endswith(SUFFIX + "<|fim_middle|>")


def test_llama_cpp_is_held_to_the_end_of_the_prompt(bench: Bench) -> None:
    bench.server.script = lambda _body: ['\n "re', "turn"]
    assert bench.text(bench.engine(), tail='\n "re') == '\n "return'
    assert bench.server.requests[0][1]["grammar"] == 'root ::= "\\x0A \\x22re" [\\x00-\\U0010FFFF]*'


@pytest.mark.parametrize(
    ("free", "asked"), [([" ret", "urn 1"], 1), ([" re", "ally"], 2), ([" "], 2), (["x"], 2)]
)
def test_where_it_can_not_be_held_to_it_it_is_asked_again_behind_it(
    bench: Bench, free: list[str], asked: int
) -> None:
    bench.server.script = lambda _body: free if len(bench.server.requests) == 1 else ["n 1"]
    assert bench.text(bench.engine(kind="vllm"), tail=" retur") == " return 1"
    assert len(bench.server.requests) == asked
    if asked == 2:
        behind = bench.server.requests[1][1]["prompt"]
        assert bench.vocabulary.decode(behind[len(bench.prompt()) :]) == " retur"


@pytest.mark.parametrize(
    ("kind", "path", "fields"),
    [
        ("llama.cpp", "/infill", {"input_prefix": PREFIX, "input_suffix": SUFFIX}),
        ("ollama", "/v1/completions", {"prompt": PREFIX, "suffix": SUFFIX}),
    ],
)
def test_without_a_tokenizer_the_server_builds_the_prompt(
    bench: Bench, kind: str, path: str, fields: dict[str, str]
) -> None:
    engine = bench.engine(kind=kind, builds=True)
    list(engine.generate(bench.prompt(builds=True), bench.decoding(), CancelToken(), Usage()))
    asked, body, _ = bench.server.requests[0]
    assert asked == path
    assert {name: body[name] for name in fields} == fields


def test_a_server_that_can_not_build_prompts_wants_a_tokenizer(bench: Bench) -> None:
    with pytest.raises(EndpointError, match="endpointTokenizer"):
        list(
            bench.engine(kind="vllm", builds=True).generate(
                bench.prompt(builds=True), bench.decoding(), CancelToken(), Usage()
            )
        )


def test_what_an_unknown_server_is_has_to_be_said(bench: Bench) -> None:
    bench.server.owner = "somebody"
    with pytest.raises(EndpointError, match="endpointKind"):
        bench.text(bench.engine())
    assert bench.text(bench.engine(kind="sglang"))


def test_texts_begin_with_the_likeliest_tokens(bench: Bench) -> None:
    bench.server.ids = [300]
    continuation: dict[str, list[str]] = {"": ["one", " more"], "two": [" less"]}

    def script(body: dict[str, Any]) -> list[str]:
        return continuation[bench.vocabulary.decode(body["prompt"][len(bench.prompt()) :])]

    bench.server.script = script
    ended = set[int]()
    several = bench.engine().generate_several(
        bench.prompt(), 3, bench.decoding(), CancelToken(), Usage(), ended
    )
    texts = grow(several, ended)
    assert [bench.vocabulary.decode(one) for one in ids(texts)] == ["one more", "two less"]
    assert ended == set(texts)
