"""A completion server on loopback that speaks like llama.cpp's or vLLM's, and can misbehave."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass
class Faulty:
    """What the server says and how; `requests` are the path, the body and the client's port of each.

    `script` gives the pieces of the answer to a request. `faults` are acted out one by one, each by the next
    request: a status, or the name of what goes wrong in the middle of an answer. `gone` counts the streams
    that the client closed.
    """

    script: Callable[[Json], list[str]] = lambda _body: []
    owner: str = "llamacpp"
    faults: list[int | str] = field(default_factory=list)
    key: str = ""
    url: str = ""
    ids: list[int] = field(default_factory=list)
    requests: list[tuple[str, Json, int]] = field(default_factory=list)
    gone: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(server: Faulty, context: ssl.SSLContext | None = None) -> Iterator[Faulty]:
    """Serve until the block ends; encrypted, if a context is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            self._answer(200, {"data": [{"id": "coder", "owned_by": server.owner, "max_model_len": 2048}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path, body, self.client_address[1]))
            fault = server.faults.pop(0) if server.faults else ""
            if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                self._answer(401, {"error": {"message": "who are you?"}})
            elif isinstance(fault, int):
                self._answer(fault, {"error": {"message": "not now"}})
            elif fault == "nonsense":
                self._answer(200, "<html>welcome</html>", "text/html")
            else:
                try:
                    self._stream(body, fault)
                except ConnectionError:
                    server.gone.release()
                    self.close_connection = True

        def _answer(self, status: int, content: Any, kind: str = "application/json") -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, body: Json, fault: str) -> None:
            if fault == "slow":
                server.released.wait(20)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number, text in enumerate(server.script(body)):
                if fault == "stuck" and number:
                    server.released.wait(20)
                if fault == "cut off" and number:
                    self.close_connection = True
                    return
                if fault == "garbled":
                    self._chunk(b"data: {not JSON\n\n")
                self._event({"choices": [{"text": text, "logprobs": self._logprobs(number)}]})
            if fault == "failing":
                self._event({"error": {"message": "out of memory"}})
            while fault == "endless":
                self._chunk(b"x" * 65536)
            self._event({"choices": [{"text": "", "finish_reason": "stop"}]})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _logprobs(self, number: int) -> Json | None:
            if number >= len(server.ids):
                return None
            top = [{"token": "one", "logprob": -0.5}, {"token": "two", "logprob": -1.5}]
            return {"content": [{"id": server.ids[number], "logprob": -0.5, "top_logprobs": top}]}

        def _event(self, event: Json) -> None:
            self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    if context:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    server.url = f"http{'s' if context else ''}://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield server
    finally:
        server.released.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()
