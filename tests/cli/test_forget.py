import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slm_lsp.cli.main import app
from slm_lsp.context.index_file import root_of
from slm_lsp.context.workspace import Workspace
from slm_lsp.memory import disk
from slm_lsp.memory.segment import Segment
from slm_lsp.models.store import ADAPTER_FILE, tuning_dir
from slm_lsp.paths import CACHE_VARIABLE, STATE_VARIABLE, cache_dir, index_dir


def remember(place: int, root: Path) -> None:
    segment = Segment.build({str(root / "a.py"): [1, 2, 3]}, 50)
    disk.save(index_dir() / f"{place}.memory", segment, {}, "tokenizer", [root])


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
    for place, root in enumerate(made, 1):
        remember(place, root)
    run = tuning_dir() / "one-12345678"
    for name in ("examples", "held-out"):
        (run / name).mkdir(parents=True)
        (run / name / "about.json").write_text(json.dumps({"paths": [str(made[0])]}))
        (run / name / "ids.npy").write_bytes(b"")
    (run / ADAPTER_FILE).write_bytes(b"adapter")
    return made


def forget(*arguments: str) -> set[Path | None]:
    """Run the command; returns the roots that are indexed still."""
    done = CliRunner().invoke(app, ["forget", *arguments])
    assert done.exit_code == 0, done.output
    return {root_of(file) for file in index_dir().glob("*.sqlite")}


def remembered() -> list[str]:
    return sorted(file.name for file in index_dir().glob("*.memory"))


def test_one_folder_is_forgotten_and_its_adapter_stays(projects: list[Path]) -> None:
    assert forget(str(projects[0])) == {projects[1]}
    assert remembered() == ["2.memory"]
    run = tuning_dir() / "one-12345678"
    assert {str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()} == {
        ADAPTER_FILE,
        "held-out/about.json",
    }


def test_an_adapter_can_be_forgotten_after_what_it_learned_from(projects: list[Path]) -> None:
    done = CliRunner().invoke(app, ["forget", str(projects[0])])
    assert "but 1 adapters that were tuned on it, which --adapters deletes" in done.output
    digest = hashlib.sha256(b"adapter").hexdigest()[:8]
    merged = cache_dir() / "models" / "tiny" / f"int8-1-abc-{digest}"
    other = merged.with_name("int8-1-abc")
    for folder in (merged, other):
        folder.mkdir(parents=True)
    forget(str(projects[0]), "--adapters")
    assert not list(tuning_dir().iterdir())
    assert not merged.exists()
    assert other.exists()


def test_a_folder_of_folders_is_forgotten_with_them(projects: list[Path]) -> None:
    assert forget(str(projects[0].parent), "--adapters") == set()
    assert remembered() == []
    assert not list(tuning_dir().iterdir())


def test_a_folder_within_what_was_indexed_is_forgotten_with_all_of_that(projects: list[Path]) -> None:
    inside = projects[0] / "src"
    inside.mkdir()
    assert forget(str(inside)) == {projects[1]}
    assert remembered() == ["2.memory"]
    assert not (tuning_dir() / "one-12345678" / "examples").exists()


def test_a_folder_is_forgotten_by_any_of_its_names(projects: list[Path], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(projects[0])
    workspace = Workspace()
    workspace.index(tmp_path / "link", index_dir(), watched=True)
    workspace.settle()
    workspace.shut_down()
    remember(3, tmp_path / "link")
    assert forget(str(projects[0])) == {projects[1]}
    assert remembered() == ["2.memory"]


def test_what_is_damaged_or_half_written_is_forgotten_as_well(projects: list[Path]) -> None:
    (index_dir() / "1.memory").write_bytes(b"damaged")
    (index_dir() / "1.77.partial").write_bytes(b"half")
    assert forget(str(projects[1])) == {projects[0]}
    assert not list(index_dir().glob("*.memory"))
    assert not list(index_dir().glob("*.partial"))


def test_without_a_folder_all_is_forgotten(projects: list[Path]) -> None:
    assert forget() == set()
    assert not list(index_dir().iterdir())


def test_what_tells_of_code_is_for_the_user_alone() -> None:
    index_dir().chmod(0o755)
    assert index_dir().stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o077 for file in index_dir().iterdir()} == {0}
