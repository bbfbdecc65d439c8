"""A package index on loopback that can misbehave."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Index:
    """What the server serves and how; `requests` are the paths it was asked for, each with its Range."""

    project: str
    filename: str
    content: bytes
    others: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Further projects, each with its file's name and content."""
    url: str = ""
    html: bool = False
    ranges: bool = True
    busy: int = 0
    """How many requests are answered 503 before one is served."""
    cut_after: list[int] = field(default_factory=list)
    """After how many bytes each of the next downloads is cut off."""
    user: str | None = None
    """The Authorization header that is demanded, if any."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def downloads(self) -> list[str | None]:
        """The Range header of each request for the file."""
        return [wanted for path, wanted in self.requests if path.endswith(self.filename)]


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve `index` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            index.requests.append((self.path, wanted))
            if index.busy:
                index.busy -= 1
                self._answer(503, b"busy")
            elif index.user and self.headers.get("Authorization") != index.user:
                self._answer(401, b"who are you?")
            elif self.path == f"/simple/{index.project}/":
                self._list(index.filename)
            elif self.path == f"/files/{index.filename}":
                self._file(index.content, wanted)
            elif self.path.startswith("/simple/") and (other := index.others.get(self.path.split("/")[2])):
                self._list(other[0])
            elif found := [body for name, body in index.others.values() if self.path == f"/files/{name}"]:
                self._file(found[0], wanted)
            else:
                self._answer(404, b"no such thing")

        def _list(self, filename: str) -> None:
            if index.html:
                page = f'<a href="../../files/{filename}#sha256=00">{filename}</a>'
                self._answer(200, page.encode(), {"Content-Type": "text/html"})
                return
            listing = {
                "meta": {"api-version": "1.0"},
                "name": index.project,
                "files": [
                    {"filename": "other.whl", "url": f"{index.url}/files/other.whl", "hashes": {}},
                    {"filename": filename, "url": f"../../files/{filename}", "hashes": {}},
                ],
            }
            self._answer(
                200, json.dumps(listing).encode(), {"Content-Type": "application/vnd.pypi.simple.v1+json"}
            )

        def _file(self, content: bytes, wanted: str | None) -> None:
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and index.ranges else 0
            body = content[start:]
            headers = {}
            if wanted and index.ranges:
                total = len(content)
                headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
            cut = index.cut_after.pop(0) if index.cut_after else len(body)
            self._answer(206 if headers else 200, body, headers, cut)

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body[:cut])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
