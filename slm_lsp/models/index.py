"""Finding a file on the Python package index that pip is set up for.

The simple repository API, as JSON (PEP 691) and as HTML (PEP 503):
https://packaging.python.org/specifications/simple-repository-api/
"""

import ast
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import certifi
import httpx

from slm_lsp.errors import DownloadError

DEFAULT_INDEX = "https://pypi.org/simple"

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_TIMEOUT = httpx.Timeout(30.0)


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where the index is and how to reach it: `url` without credentials, `auth` for its own host alone."""

    url: httpx.URL
    auth: httpx.BasicAuth | None = None
    cert: str | None = None
    proxy: str | None = None

    @property
    def host(self) -> str:
        """The index's host, as a message may show it."""
        return self.url.host

    def client(self) -> httpx.Client:
        """Open a client that trusts the chosen bundle, or else the system's authorities and certifi's.

        Raises:
            DownloadError: the bundle or the proxy can't be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.cert)
            if self.cert is None:
                context.load_verify_locations(certifi.where())
        except OSError as error:
            raise DownloadError(
                f"The certificate bundle {self.cert} can't be read; mend PIP_CERT or pip's `cert` setting."
            ) from error
        try:
            return httpx.Client(
                verify=context,
                proxy=self.proxy,
                timeout=_TIMEOUT,
                follow_redirects=True,
                headers={"User-Agent": "slm-lsp"},
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise DownloadError(
                "The proxy can't be used; set HTTPS_PROXY, ALL_PROXY and pip's `proxy` to an http address, "
                "or unset them."
            ) from error

    def auth_for(self, url: httpx.URL) -> httpx.BasicAuth | None:
        """Return the credentials where `url` is served by the index itself, and None anywhere else."""
        same = (url.scheme, url.host, url.port) == (self.url.scheme, self.url.host, self.url.port)
        return self.auth if same else None


def index_settings(environ: Mapping[str, str] = os.environ) -> IndexSettings:
    """Read the index as pip would: its environment variables, uv's, then pip's configuration files.

    Raises:
        DownloadError: the index is not reached by HTTP.
    """
    configured = _pip_configuration()

    def first(*variables: str, option: str) -> str | None:
        found = next((environ[name] for name in variables if environ.get(name)), None)
        return found or configured.get(option)

    text = first("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", option="index-url") or DEFAULT_INDEX
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise DownloadError(
            "The package index that pip is set up for is not an http or https address; "
            f"set PIP_INDEX_URL to one that is, such as {DEFAULT_INDEX}."
        )
    return IndexSettings(
        url=url.copy_with(userinfo=b""),
        auth=httpx.BasicAuth(url.username, url.password) if url.userinfo else None,
        cert=first("PIP_CERT", option="cert") or first("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", option=""),
        proxy=first("PIP_PROXY", option="proxy"),
    )


def _pip_configuration() -> dict[str, str]:
    """Ask pip, where there is one, for the options that its commands would have; empty without pip."""
    try:
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for line in listed.stdout.splitlines():
        key, _, quoted = line.partition("=")
        section, _, option = key.partition(".")
        if section not in sections:
            continue
        try:
            sections[section][option] = str(ast.literal_eval(quoted))
        except (SyntaxError, ValueError):
            continue
    return sections["global"] | sections["install"]


class _Links(HTMLParser):
    """Collects the targets of the anchors of a PEP 503 page."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the target of an anchor."""
        if tag == "a":
            self.targets += [value for name, value in attrs if name == "href" and value]


class TryAgain(Exception):
    """The server may answer better in a while."""


def find_file(client: httpx.Client, settings: IndexSettings, project: str, filename: str) -> httpx.URL:
    """Return the address of `filename` among the files that the index lists for `project`.

    Raises:
        DownloadError: the index has no such file, or did not answer as an index does.
        TryAgain: the index is busy.
        httpx.RequestError: the index can't be reached.
    """
    page = httpx.URL(str(settings.url).rstrip("/") + f"/{project}/")
    answer = client.get(page, headers={"Accept": _ACCEPT}, auth=settings.auth_for(page))
    check(answer, settings.host, f"the package `{project}`")
    if "json" in answer.headers.get("content-type", ""):
        targets = _json_targets(answer, settings.host)
    else:
        links = _Links()
        links.feed(answer.text)
        targets = links.targets
    for target in targets:
        plain = target.partition("#")[0].partition("?")[0]
        if unquote(plain).rpartition("/")[2] == filename:
            return answer.url.join(target).copy_with(fragment=None)
    raise DownloadError(
        f"The package index at {settings.host} has no file {filename}; "
        f"set PIP_INDEX_URL to an index that has it, such as {DEFAULT_INDEX}."
    )


def _json_targets(answer: httpx.Response, host: str) -> list[str]:
    try:
        listing: Any = answer.json()
        return [str(row["url"]) for row in listing["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(
            f"The package index at {host} did not answer as a package index does; check PIP_INDEX_URL."
        ) from error


def check(answer: httpx.Response, host: str, wanted: str) -> None:
    """Raise what says why `host` did not serve what was `wanted`, unless it did.

    Raises:
        DownloadError: it never will.
        TryAgain: it may in a while.
    """
    if answer.is_success:
        return
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        raise TryAgain(f"HTTP {status}")
    if status in (401, 403, 407):
        raise DownloadError(
            f"{host} refused access to {wanted} (HTTP {status}); check user and password in PIP_INDEX_URL."
        )
    raise DownloadError(
        f"{host} does not serve {wanted} (HTTP {status}); set PIP_INDEX_URL to an index that has it, "
        f"such as {DEFAULT_INDEX}."
    )
