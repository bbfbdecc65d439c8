from pathlib import Path

import pytest

from slm_lsp.completion.ignoring import Ignoring
from slm_lsp.text.snapshot import Snapshot


def ignored(path: Path, text: str = "x = 1\n") -> bool:
    return Ignoring()(Snapshot(path.as_uri(), "python", 1, tuple(text.splitlines(True)), path))


@pytest.mark.parametrize("name", [".env", "id_rsa", "credentials.json", "server.pem"])
def test_files_that_hold_secrets(tmp_path: Path, name: str) -> None:
    assert ignored(tmp_path / name)


def test_a_text_with_a_key_in_it(tmp_path: Path) -> None:
    assert ignored(tmp_path / "a.py", "-----BEGIN RSA PRIVATE " + "KEY-----\n")
    assert not ignored(tmp_path / "a.py")


def test_what_ignore_files_name(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("/out/\n", "utf-8")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / ".slmignore").write_text("private_*\n", "utf-8")
    assert ignored(tmp_path / "out" / "a.py")
    assert ignored(tmp_path / "src" / "private_a.py")
    assert not ignored(tmp_path / "src" / "a.py")
    assert not ignored(tmp_path / ".ci" / "a.py")


def test_outside_a_repository_only_our_own_ignore_file_counts(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n", "utf-8")
    assert not ignored(tmp_path / "a.py")
    (tmp_path / ".slmignore").write_text("*.py\n", "utf-8")
    assert ignored(tmp_path / "a.py")
