"""`slm-lsp doctor` finds what is wrong and says how to mend it."""

import json
from pathlib import Path

import psutil
import pytest
import typer
from typer.testing import CliRunner, Result

from slm_lsp.benchmark import machine
from slm_lsp.cli import doctor as module
from slm_lsp.completion import loading
from slm_lsp.config import Settings
from slm_lsp.engine import device
from slm_lsp.errors import ModelInvalid
from slm_lsp.models import store
from slm_lsp.models.known import EMBEDDED
from tests.models.conftest import cache, tiny
from tests.models.tiny import Published

__all__ = ["cache", "tiny"]


@pytest.fixture
def fetched(tiny: Published) -> None:
    """The tiny model as `pull` leaves it."""
    store.gguf_path("tiny").parent.mkdir(parents=True)
    store.gguf_path("tiny").write_bytes(tiny.gguf)


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(module.doctor)
    return CliRunner().invoke(app, ["--model", "tiny", "--no-measure", *arguments])


def _findings() -> tuple[int, dict[str, dict[str, str]]]:
    done = _run("--json")
    report = json.loads(done.stdout)
    assert report["ok"] is (done.exit_code == 0)
    return done.exit_code, {finding["name"]: finding for finding in report["findings"]}


def test_a_sound_machine(fetched: None, cache: Path) -> None:
    code, findings = _findings()
    assert code == 0
    assert {finding["state"] for finding in findings.values()} <= {"ok", "warning"}
    assert findings["Python"]["value"].startswith("3.")
    assert str(cache) in findings["cache folder"]["value"]
    assert findings["model"]["value"].startswith("tiny: converted, ")
    assert "int8 on cpu" in findings["loading"]["value"]


def test_a_model_that_is_missing(tiny: Published) -> None:
    code, findings = _findings()
    assert code == 1
    assert findings["model"]["state"] == "broken"
    assert "run `slm-lsp models pull tiny`" in findings["model"]["advice"]
    assert "loading" not in findings


def test_the_table_ends_with_what_to_do(tiny: Published) -> None:
    done = _run()
    assert done.exit_code == 1
    assert done.stdout.rstrip().endswith("run `slm-lsp models pull tiny`.")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ModelInvalid("The weights are odd; fetch them again."), "The weights are odd; fetch them again."),
        (RuntimeError("no kernel"), "can't be loaded (RuntimeError: no kernel); install slm-lsp anew"),
    ],
)
def test_a_model_that_cannot_be_loaded(
    fetched: None, monkeypatch: pytest.MonkeyPatch, error: Exception, advice: str
) -> None:
    def fail(settings: Settings, progress: object) -> None:
        raise error

    monkeypatch.setattr(loading, "load", fail)
    code, findings = _findings()
    assert code == 1
    assert findings["loading"]["state"] == "broken"
    assert advice in findings["loading"]["advice"]


def test_torch_that_cannot_be_imported(fetched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> device.DeviceInfo:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(device, "describe", fail)
    code, findings = _findings()
    assert code == 1
    assert "libgomp" in findings["torch"]["advice"]


def test_a_missing_package(fetched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("no-such-package",))
    code, findings = _findings()
    assert code == 1
    assert (
        findings["no-such-package"]["advice"] == "no-such-package is missing; install slm-lsp anew with pip."
    )


def test_little_memory_is_a_warning(fetched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    little = psutil.virtual_memory()._replace(available=200_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    code, findings = _findings()
    assert code == 0
    assert findings["memory"]["state"] == "warning"
    assert findings["memory"]["value"].startswith("200.0 MB free of")


def test_a_cache_folder_that_cannot_be_made(
    tmp_path: Path, tiny: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SLM_LSP_CACHE", str(tmp_path / "file" / "cache"))
    code, findings = _findings()
    assert code == 1
    assert "set SLM_LSP_CACHE" in findings["cache folder"]["advice"]


def test_a_cache_folder_that_others_may_write_is_a_warning(fetched: None, cache: Path) -> None:
    cache.chmod(0o777)
    code, findings = _findings()
    assert code == 0
    assert f"run `chmod 700 {cache}`" in findings["cache folder"]["advice"]


def test_models_are_recommended_by_what_the_machine_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "measure", lambda: machine.Machine(1e10, 1e11))
    monkeypatch.setattr("slm_lsp.engine.llama.native.supported", lambda: True)
    found = {finding.name: finding.value for finding in module.recommend()}
    assert found["speed"] == "10.0 GB/s of weights, 100 G operations/s in int8"
    assert found["within 100 ms"] == "none of the known models"
    assert EMBEDDED in found["within 300 ms"]
    assert "qwen2.5-coder-0.5b" in found["within 1000 ms"]
    assert "codestral-22b" not in str(found)
