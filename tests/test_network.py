"""What leaves the process: nothing, unless a setting names where to."""

import json
import socket
import subprocess
import sys

import pytest

TRIED = """
import asyncio, ftplib, http.client, json, smtplib, socket, sys, urllib.request
from slm_lsp import network

network.guard()
import httpx
from huggingface_hub import errors, hf_hub_download

def quietly(attempt):
    try:
        attempt()
    except (OSError, httpx.TransportError, errors.LocalEntryNotFoundError):
        return
    raise AssertionError("it went through")

udp = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"a", ("127.0.0.1", 9))
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", PORT)),
    lambda: socket.getaddrinfo("localhost", PORT),
    lambda: socket.gethostbyname("localhost"),
    lambda: socket.getnameinfo(("127.0.0.1", PORT), 0),
    lambda: socket.socket(socket.AF_INET6),
    lambda: socket.socket(socket.AF_UNIX).connect("/tmp/no-such-socket"),
    udp,
    lambda: urllib.request.urlopen("http://127.0.0.1:PORT/"),
    lambda: http.client.HTTPConnection("127.0.0.1", PORT).request("GET", "/"),
    lambda: ftplib.FTP("127.0.0.1"),
    lambda: smtplib.SMTP("127.0.0.1", PORT),
    lambda: asyncio.run(asyncio.open_connection("127.0.0.1", PORT)),
    lambda: httpx.get("http://127.0.0.1:PORT/"),
    lambda: hf_hub_download("someone/model", "config.json", cache_dir=sys.argv[1]),
):
    quietly(attempt)
print(json.dumps(network.refused()))
"""

NAMED = """
import socket
from slm_lsp import network

network.guard()
for _ in range(2):
    network.allow("localhost", PORT)
network.withdraw("localhost", PORT)
socket.create_connection(("localhost", PORT)).close()
for elsewhere in (("localhost", PORT + 1), ("127.0.0.2", PORT), ("example.org", PORT)):
    try:
        socket.create_connection(elsewhere)
    except network.NetworkRefused:
        continue
    raise AssertionError(f"{elsewhere} was let through")
network.withdraw("localhost", PORT)
try:
    socket.create_connection(("localhost", PORT))
except network.NetworkRefused:
    print(network.allowed())
"""

FIRST = """
import sys
known = set(sys.modules)
import slm_lsp.network as network
network.guard = lambda: print(sorted(name for name in set(sys.modules) - known))
sys.argv = ["slm-lsp", *sys.argv[1:], "--help"]
from slm_lsp.__main__ import main
main()
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def port() -> int:
    """The port of a server that nobody may reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_whatever_library_tries_is_refused(tmp_path: object, port: int) -> None:
    refused = json.loads(run(TRIED.replace("PORT", str(port)), str(tmp_path)))
    assert refused["socket.connect"] >= 1
    assert refused["socket.getaddrinfo"] >= 3
    assert refused["socket.__new__"] >= 3
    assert {"urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect"} <= refused.keys()


def test_an_address_that_a_setting_names_is_let_through_and_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert run(NAMED.replace("PORT", str(server.getsockname()[1]))) == "[]\n"


@pytest.mark.parametrize("command", ["serve", "complete", "tune"])
def test_the_network_is_refused_before_anything_is_imported(command: str) -> None:
    assert run(FIRST, command).startswith("['slm_lsp', 'slm_lsp.__main__', 'slm_lsp.network']\n")


@pytest.mark.parametrize("command", ["models"])
def test_commands_that_are_there_for_it_may_use_the_network(command: str) -> None:
    assert "slm_lsp.network" not in run(FIRST, command)
