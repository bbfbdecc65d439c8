"""Stands between an editor and the server, and notes when requests for suggestions came and were answered.

``python -m tests.editors.proxy LOG COMMAND…`` runs the server and writes a line of JSON to LOG for each
answer: the position, whether there is a suggestion, and both times in ms since 1970.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

Seen = Callable[[dict[str, Any]], None]


def passed_on(source: IO[bytes], target: IO[bytes], seen: Seen) -> None:
    """Pass messages on, each as it is, until there are no more."""
    while header := source.readline():
        lines = [header]
        while lines[-1].strip():
            lines.append(source.readline())
        length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
        body = source.read(length)
        target.write(b"".join(lines) + body)
        target.flush()
        seen(json.loads(body))
    target.close()


def main() -> None:
    """Run the server; see above."""
    log, *command = sys.argv[1:]
    asked: dict[Any, tuple[float, Any]] = {}

    def request(message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/inlineCompletion":
            asked[message["id"]] = time.time() * 1e3, message["params"]["position"]

    def reply(message: dict[str, Any]) -> None:
        if "method" in message or message.get("id") not in asked:
            return
        when, position = asked.pop(message["id"])
        items = (message.get("result") or {}).get("items")
        entry = {"position": position, "items": bool(items), "asked": when, "answered": time.time() * 1e3}
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout
        sending = threading.Thread(target=passed_on, args=(sys.stdin.buffer, server.stdin, request))
        sending.daemon = True
        sending.start()
        passed_on(server.stdout, sys.stdout.buffer, reply)


if __name__ == "__main__":
    main()
