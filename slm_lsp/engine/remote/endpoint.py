"""Where a remote engine is, and how it is spoken to: the address, the server's kind, the key."""

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from slm_lsp import network
from slm_lsp.errors import EndpointError

KEY_VARIABLE = "SLM_LSP_ENDPOINT_KEY"
"""Environment variable that holds the endpoint's key."""

KEYRING_SERVICE = "slm-lsp"
"""What the key is filed under in the system's keyring, with the endpoint's address for the user name."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: `url` without a path, a query or a user.

    `kind` is one of `slm_lsp.engine.remote.dialects.DIALECTS` or ``auto``, `model` the name that the server
    knows the model by ("" for the first that it lists), `authority` a file of certificates to trust instead
    of the usual ones, `seconds` the time for a whole answer, retries included.
    """

    url: str
    kind: str
    model: str
    authority: str
    seconds: float

    @classmethod
    def of(cls, url: str, kind: str, model: str, authority: str, milliseconds: int) -> "Endpoint":
        """Return the endpoint that the settings name.

        Raises:
            EndpointError: the address is none, or would send text unencrypted over a network.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            raise EndpointError(f"`endpoint` takes an address such as https://llm.example.com, not {url}.")
        if parts.username or parts.password:
            raise EndpointError(f"`endpoint` takes no password; put the key into {KEY_VARIABLE}.")
        if parts.path.rstrip("/") not in ("", "/v1"):
            raise EndpointError(f"`endpoint` takes the server's address alone, without {parts.path}.")
        if parts.scheme == "http" and not is_loopback(host):
            raise EndpointError(
                f"text would go to {host} unencrypted; use https, or a tunnel that ends on this machine."
            )
        name = f"[{host}]" if ":" in host else host
        origin = f"{parts.scheme}://{name}" + (f":{port}" if port else "")
        return cls(origin, kind, model, authority, milliseconds / 1e3)

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port that are connected to."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def key_of(endpoint: Endpoint) -> str:
    """Return the endpoint's key from the environment, else from the system's keyring, else "".

    The keyring is asked where the package `keyring` is installed (``pip install slm-lsp[keyring]``).
    """
    if key := os.environ.get(KEY_VARIABLE):
        return key
    # On Linux the keyring answers on the session's bus, which the network's guard knows nothing of.
    bus = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    if bus.startswith("unix:path="):
        network.allow_path(bus.removeprefix("unix:path=").partition(",")[0])
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return keyring.get_password(KEYRING_SERVICE, endpoint.url) or ""
    except KeyringError:
        return ""
