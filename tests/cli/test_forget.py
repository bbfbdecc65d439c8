import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slm_lsp.cli.main import app
from slm_lsp.context.index import root_of
from slm_lsp.context.workspace import Workspace
from slm_lsp.models.store import tuning_dir
from slm_lsp.paths import CACHE_VARIABLE, STATE_VARIABLE, index_dir


@pytest.fixture(autouse=True)
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two indexed folders, one of which was tuned on."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    made = [tmp_path / "code" / name for name in ("one", "two")]
    workspace = Workspace()
    for root in made:
        root.mkdir(parents=True)
        (root / "a.py").write_text("def greet(): ...\n")
        workspace.index(root, index_dir(), watched=True)
    workspace.settle()
    workspace.shut_down()
    run = tuning_dir() / "one-12345678"
    (run / "examples").mkdir(parents=True)
    (run / "examples" / "about.json").write_text(json.dumps({"paths": [str(made[0])]}))
    (run / "adapter.safetensors").write_bytes(b"")
    return made


def forget(*arguments: str) -> set[Path | None]:
    """Run the command; returns the roots that are indexed still."""
    done = CliRunner().invoke(app, ["forget", *arguments])
    assert done.exit_code == 0, done.output
    return {root_of(file) for file in index_dir().glob("*.sqlite")}


def test_one_folder_is_forgotten_and_its_adapter_stays(projects: list[Path]) -> None:
    (index_dir() / "1.memory").write_bytes(b"\0" + json.dumps([str(projects[0] / "a.py")]).encode())
    (index_dir() / "2.memory").write_bytes(b"\0" + json.dumps([str(projects[1] / "a.py")]).encode())
    assert forget(str(projects[0])) == {projects[1]}
    assert [file.name for file in index_dir().glob("*.memory")] == ["2.memory"]
    assert [file.name for file in (tuning_dir() / "one-12345678").iterdir()] == ["adapter.safetensors"]


def test_a_folder_of_folders_is_forgotten_with_them(projects: list[Path]) -> None:
    assert forget(str(projects[0].parent), "--adapters") == set()
    assert not list(tuning_dir().iterdir())


def test_without_a_folder_all_is_forgotten(projects: list[Path]) -> None:
    assert forget() == set()
    assert not list(index_dir().iterdir())


def test_what_tells_of_code_is_for_the_user_alone() -> None:
    index_dir().chmod(0o755)
    assert index_dir().stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o077 for file in index_dir().iterdir()} == {0}
