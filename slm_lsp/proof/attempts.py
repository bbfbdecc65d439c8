"""Tries to get out of a guarded process, each way a few times: a script for a process of its own.

Prints what came of it as JSON: for each way, how often it was tried and how often it was refused.
"""

import asyncio
import ftplib
import http.client
import json
import os
import smtplib
import socket
import urllib.request
from collections.abc import Callable

from slm_lsp import network

TIMES = 3

NOWHERE = "192.0.2.1"
"""An address that is nobody's (RFC 5737), should an attempt come through."""

_NAME = "slm-lsp.invalid"


def main() -> None:
    """Guard this process, try, and print what came of it."""
    network.guard()
    came = {}
    for way, attempt in WAYS.items():
        refused = sum(_is_refused(attempt) for _ in range(TIMES))
        came[way] = {"tried": TIMES, "refused": refused}
    print(json.dumps(came))  # noqa: T201 - a script


def _is_refused(attempt: Callable[[], object]) -> bool:
    before = sum(network.refused().values())
    try:
        attempt()
    except Exception:
        # Libraries hide the refusal behind errors of their own.
        return sum(network.refused().values()) > before
    return False


def _hub() -> object:
    for name in network.OFFLINE:  # as if nobody had told it
        os.environ.pop(name, None)
    import huggingface_hub

    huggingface_hub.close_session()
    return huggingface_hub.model_info("gpt2")


def _datagram() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        return made.sendto(b"x", (NOWHERE, 53))


WAYS: dict[str, Callable[[], object]] = {
    "a TCP connection": lambda: socket.create_connection((NOWHERE, 443), timeout=1),
    "a datagram": _datagram,
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX).connect("/run/slm-lsp-no-such-socket"),
    "listening": lambda: socket.create_server(("127.0.0.1", 0)),
    "looking a name up": lambda: socket.getaddrinfo(_NAME, 443),
    "opening a URL": lambda: urllib.request.urlopen(f"http://{NOWHERE}/", timeout=1),
    "HTTP": lambda: http.client.HTTPSConnection(NOWHERE, timeout=1).request("GET", "/"),
    "FTP": lambda: ftplib.FTP(NOWHERE, timeout=1),
    "mail": lambda: smtplib.SMTP(NOWHERE, timeout=1),
    "an asynchronous connection": lambda: asyncio.run(asyncio.open_connection(_NAME, 443)),
    "the Hugging Face hub": _hub,
}


if __name__ == "__main__":
    main()
