"""What tests in real editors need: the editors, which `.ci/editors` installs, and a place for pictures."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def parts() -> Path:
    """The folder into which `.ci/editors` installs; without it the test fails."""
    folder = Path(os.environ.get("SLM_LSP_EDITORS") or Path.home() / ".cache" / "slm-lsp-editors")
    if not folder.is_dir():
        pytest.fail(f"There are no editors in {folder}; run `.ci/editors` first.")
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for pictures of the screen: `$SLM_LSP_PICTURES`, or one of pytest's temporary ones."""
    named = os.environ.get("SLM_LSP_PICTURES")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
