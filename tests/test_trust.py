from pathlib import Path

import pytest

from slm_lsp import trust
from slm_lsp.paths import STATE_VARIABLE


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))


def test_what_lies_in_a_trusted_folder_is_trusted(tmp_path: Path) -> None:
    assert not trust.covers([tmp_path / "code"])
    trust.allow(tmp_path / "code")
    assert trust.covers([tmp_path / "code", tmp_path / "code" / "a" / "b"])
    assert not trust.covers([tmp_path / "code", tmp_path / "other"])
    assert not trust.covers([tmp_path / "code" / ".." / "other"])
    assert not trust.covers([tmp_path / "code2"])


def test_trust_is_taken_back(tmp_path: Path) -> None:
    trust.allow(tmp_path)
    assert trust.withdraw(tmp_path)
    assert not trust.withdraw(tmp_path)
    assert trust.folders() == []


def test_a_session_without_a_folder_has_no_settings_of_its_own() -> None:
    assert trust.covers([])
