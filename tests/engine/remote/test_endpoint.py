import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.remote.connection import Connection
from slm_lsp.engine.remote.endpoint import KEY_VARIABLE, Endpoint, key_of
from slm_lsp.errors import EndpointError
from tests.engine.remote.faults import Faulty, serving

CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""A key and a certificate for this machine that it signed itself."""


def endpoint(url: str, authority: str = "") -> Endpoint:
    return Endpoint.of(url, "auto", "", authority, 5000)


@pytest.mark.parametrize(
    ("url", "origin", "address"),
    [
        ("https://llm.example.com/v1/", "https://llm.example.com", ("llm.example.com", 443)),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("http://[::1]:8000/", "http://[::1]:8000", ("::1", 8000)),
        ("http://localhost", "http://localhost", ("localhost", 80)),
    ],
)
def test_an_address_is_a_server(url: str, origin: str, address: tuple[str, int]) -> None:
    assert (endpoint(url).url, endpoint(url).address) == (origin, address)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("llm.example.com", "takes an address"),
        ("ftp://llm.example.com", "takes an address"),
        ("https://llm.example.com:port", "takes an address"),
        ("https://me:secret@llm.example.com", "takes no password"),
        ("https://llm.example.com/v1/completions", "without /v1/completions"),
        ("http://llm.example.com", "unencrypted"),
        ("http://10.0.0.1:8000", "unencrypted"),
    ],
)
def test_what_is_no_server_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(EndpointError, match=sentence):
        endpoint(url)


def test_the_key_is_the_environments_else_the_keyrings(monkeypatch: pytest.MonkeyPatch) -> None:
    filed = {("slm-lsp", "https://llm.example.com"): "filed"}
    ring = SimpleNamespace(get_password=lambda service, user: filed.get((service, user)))
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", SimpleNamespace(KeyringError=OSError))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert key_of(endpoint("https://llm.example.com")) == "filed"
    assert key_of(endpoint("https://other.example.com")) == ""
    monkeypatch.setenv(KEY_VARIABLE, "set")
    assert key_of(endpoint("https://llm.example.com")) == "set"


@pytest.fixture
def secure() -> Iterator[Faulty]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with serving(Faulty(), context) as server:
        yield server


def test_a_server_that_no_authority_vouches_for_gets_no_text(secure: Faulty) -> None:
    connection = Connection(endpoint(secure.url), "key")
    with pytest.raises(EndpointError, match="certificate verify failed"):
        connection.get("/v1/models", CancelToken())
    connection.close()


def test_the_users_own_authority_is_trusted(secure: Faulty) -> None:
    connection = Connection(endpoint(secure.url, str(CERTIFICATE)), "key")
    assert connection.get("/v1/models", CancelToken())["data"]
    connection.close()


def test_an_authority_that_is_not_there_is_named() -> None:
    with pytest.raises(EndpointError, match="endpointAuthority"):
        Connection(endpoint("https://127.0.0.1", "/nowhere.pem"), "")
