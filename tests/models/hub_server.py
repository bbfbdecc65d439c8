"""A Hugging Face hub on loopback, as far as `models pull` asks it, that can misbehave."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

LARGE = (".safetensors", ".model")
"""Endings of files that a repository keeps outside of git, whose SHA-256 the hub states."""


@dataclass
class Hub:
    """One repository; `files` by name, `requests` as method, path and Range."""

    repository: str
    files: dict[str, bytes]
    licence: str = "apache-2.0"
    url: str = ""
    revision: str = "1" * 40
    gated: bool = False
    stated: dict[str, str] = field(default_factory=dict)
    """SHA-256 that the hub states, where they are not those of the files."""
    cut_after: list[int] = field(default_factory=list)
    """After how many bytes each of the next downloads of a large file is cut off."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    @classmethod
    def of(cls, repository: str, folder: Path) -> "Hub":
        """Serve the files of a folder."""
        return cls(repository, {path.name: path.read_bytes() for path in folder.iterdir()})

    def sha256(self, name: str) -> str:
        """The hash that the hub states."""
        return self.stated.get(name) or hashlib.sha256(self.files[name]).hexdigest()

    def info(self) -> dict[str, object]:
        """What the hub says of the repository."""
        siblings = []
        for name, content in self.files.items():
            sibling: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
            if name.endswith(LARGE):
                sibling["lfs"] = {"sha256": self.sha256(name), "size": len(content), "pointerSize": 130}
            siblings.append(sibling)
        card = {"license": self.licence}
        return {
            "id": self.repository,
            "sha": self.revision,
            "siblings": siblings,
            "cardData": card,
            "tags": [],
        }


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve `hub` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def do_HEAD(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            path = self.path.partition("?")[0]
            hub.requests.append((self.command, path, self.headers.get("Range")))
            if hub.gated:
                self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
            elif path == f"/api/models/{hub.repository}/revision/main" or (
                path == f"/api/models/{hub.repository}/revision/{hub.revision}"
            ):
                self._answer(200, json.dumps(hub.info()).encode(), {"Content-Type": "application/json"})
            elif path.startswith(f"/api/models/{hub.repository}/revision/"):
                self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            elif path.startswith(start := f"/{hub.repository}/resolve/{hub.revision}/"):
                self._file(path.removeprefix(start))
            else:
                self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

        def _file(self, name: str) -> None:
            content, wanted = hub.files[name], self.headers.get("Range")
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            headers = {"ETag": f'"{hub.sha256(name)}"', "X-Repo-Commit": hub.revision}
            if wanted:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            cut = None
            if self.command == "GET" and name.endswith(LARGE) and hub.cut_after:
                cut = hub.cut_after.pop(0)
            self._answer(206 if wanted else 200, content[start:], headers, cut)

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[:cut])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
