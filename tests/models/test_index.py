"""The index is the one that pip would ask."""

from pathlib import Path

import httpx
import pytest

from slm_lsp.errors import DownloadError
from slm_lsp.models.index import DEFAULT_INDEX, index_settings


@pytest.fixture
def pip_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip's only configuration file; pip itself reads it."""
    for variable in ("PIP_INDEX_URL", "PIP_CERT"):
        monkeypatch.delenv(variable, raising=False)
    path = tmp_path / "pip.conf"
    path.write_text("[global]\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    return path


def test_pips_configuration_is_followed(pip_file: Path) -> None:
    pip_file.write_text(
        "[global]\nindex-url = https://ann:pw@pip.example/simple\ncert = /a b/ca.pem\n"
        "[install]\nindex-url = https://ann:pw@install.example/simple/\n"
    )
    settings = index_settings({})
    assert str(settings.url) == "https://install.example/simple/"
    assert settings.auth is not None
    assert settings.cert == "/a b/ca.pem"


def test_the_environment_comes_before_pips_configuration(pip_file: Path) -> None:
    pip_file.write_text("[global]\nindex-url = https://pip.example/simple\n")
    assert index_settings({"UV_DEFAULT_INDEX": "https://uv.example/simple"}).host == "uv.example"
    both = {"UV_DEFAULT_INDEX": "https://uv.example/simple", "PIP_INDEX_URL": "https://env.example/simple"}
    assert index_settings(both).host == "env.example"


def test_credentials_go_to_the_index_alone(pip_file: Path) -> None:
    settings = index_settings({"PIP_INDEX_URL": "https://ann:pw@index.example/simple"})
    assert "pw" not in repr(settings.url)
    assert settings.auth_for(httpx.URL("https://index.example:443/files/x.whl")) is settings.auth
    for other in (
        "https://files.example/x.whl",
        "http://index.example/x.whl",
        "https://index.example:8443/x",
    ):
        assert settings.auth_for(httpx.URL(other)) is None


@pytest.mark.parametrize("url", ["file:///srv/simple", "pypi.org/simple", "https:///simple"])
def test_an_index_that_is_not_http_is_refused(pip_file: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="is not an http or https address; set PIP_INDEX_URL"):
        index_settings({"PIP_INDEX_URL": url})


def test_a_bundle_that_is_missing_is_named(pip_file: Path) -> None:
    settings = index_settings({"PIP_INDEX_URL": DEFAULT_INDEX, "PIP_CERT": "/nowhere/ca.pem"})
    with pytest.raises(DownloadError, match=r"/nowhere/ca\.pem can't be read; mend PIP_CERT"):
        settings.client()


def test_a_proxy_that_cannot_be_used_is_said_without_its_password(pip_file: Path) -> None:
    settings = index_settings({"PIP_PROXY": "gopher://ann:pw@proxy.example"})
    with pytest.raises(DownloadError, match="The proxy can't be used") as refused:
        settings.client()
    assert "pw" not in str(refused.value)
