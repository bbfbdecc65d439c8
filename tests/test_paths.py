"""The folders on disk: where the user wants them, and for the user alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slm_lsp import paths
from slm_lsp.errors import SlmLspError

FOLDERS = pytest.mark.parametrize(
    ("function", "variable"),
    [(paths.cache_dir, "SLM_LSP_CACHE"), (paths.state_dir, "SLM_LSP_STATE")],
)


@FOLDERS
def test_a_folder_is_made_for_the_user_alone(
    function: Callable[[], Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "a" / "b"))
    assert function() == tmp_path / "a" / "b"
    if os.name == "posix":
        assert function().stat().st_mode & 0o777 == 0o700


@FOLDERS
def test_a_folder_that_cannot_be_made_is_one_sentence(
    function: Callable[[], Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "folder"))
    with pytest.raises(SlmLspError, match=f"can't be made .*set {variable}"):
        function()


def test_without_a_wish_they_lie_where_the_system_keeps_such_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SLM_LSP_CACHE", "SLM_LSP_STATE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    assert paths.cache_dir().name == paths.state_dir().name == "slm-lsp"
    assert paths.cache_dir() != paths.state_dir()
