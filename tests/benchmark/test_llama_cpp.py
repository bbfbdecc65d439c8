"""The peer: a server that answers as llama.cpp's does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from slm_lsp.benchmark.llama_cpp import LlamaCpp
from slm_lsp.benchmark.race import Timed
from slm_lsp.errors import SlmLspError, UsageError

TIMINGS = {"prompt_ms": 400.0, "predicted_ms": 90.0}


class Handler(BaseHTTPRequestHandler):
    """Keeps what it was asked, and answers with the status that the prompt's first token names."""

    asked: list[dict[str, object]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        answer = json.dumps({"timings": TIMINGS}).encode()
        self.send_response(body["prompt"][0])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_reused_and_the_times_are_its_own(url: str) -> None:
    assert LlamaCpp(url).complete([200, 7, 8], 16) == Timed(0.4, 0.09, 0.09)
    (asked,) = Handler.asked
    assert (asked["prompt"], asked["n_predict"], asked["cache_prompt"]) == ([200, 7, 8], 16, False)


def test_a_peer_that_refuses_or_is_not_there_is_said(url: str) -> None:
    with pytest.raises(SlmLspError, match="refused"):
        LlamaCpp(url).complete([500], 1)
    with pytest.raises(SlmLspError, match="start its server"):
        LlamaCpp("http://127.0.0.1:1").complete([200], 1)


@pytest.mark.parametrize("elsewhere", ["http://example.org:8080", "https://127.0.0.1:8080"])
def test_a_peer_elsewhere_is_refused(elsewhere: str) -> None:
    with pytest.raises(UsageError, match="on this machine"):
        LlamaCpp(elsewhere)
