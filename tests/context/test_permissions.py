from pathlib import Path

import pytest

from slm_lsp.context.permissions import Permissions
from slm_lsp.text.document import LineEdit
from slm_lsp.text.snapshot import Snapshot
from tests.planted import TOKENS


def document(path: Path, text: str) -> Snapshot:
    return Snapshot(path.as_uri(), "python", 1, tuple(text.splitlines(True)), path)


def ignored(path: Path, text: str = "x = 1\n") -> bool:
    return not Permissions()(document(path, text))


@pytest.mark.parametrize("name", [".env", "id_rsa", "credentials.json", "server.pem"])
def test_files_that_hold_secrets(tmp_path: Path, name: str) -> None:
    assert ignored(tmp_path / name)


def test_a_text_with_a_token_in_it(tmp_path: Path) -> None:
    assert ignored(tmp_path / "a.py", "a = 1\n" * 5000 + TOKENS["private key"])
    assert not ignored(tmp_path / "a.py")


def test_a_document_without_a_file_is_judged_by_its_name_and_text() -> None:
    permissions = Permissions()
    assert not permissions(Snapshot("untitled:folder/.env", "dotenv", 1, ("A=1",)))
    assert permissions(Snapshot("untitled:Untitled-1", "python", 1, ("A = 1",)))


def test_edits_that_bring_a_token_in_or_out_are_noticed(tmp_path: Path) -> None:
    permissions, path = Permissions(), tmp_path / "a.py"
    line = f"{TOKENS['GitHub']}\n"
    assert permissions(document(path, "a = 1\n"))
    permissions.edited(path.as_uri(), [LineEdit(0, ("a = 1\n",), ("a = 2\n",))])
    assert permissions(document(path, "a = 2\n"))
    permissions.edited(path.as_uri(), [LineEdit(1, (), (line,))])
    assert not permissions(document(path, f"a = 2\n{line}"))
    permissions.edited(path.as_uri(), [LineEdit(1, (line,), ())])
    assert permissions(document(path, "a = 2\n"))


def test_changed_ignore_files_count_once_told(tmp_path: Path) -> None:
    permissions, one = Permissions(), document(tmp_path / "a.py", "a = 1\n")
    assert permissions(one)
    (tmp_path / ".slmignore").write_text("*.py\n", "utf-8")
    permissions.clear()
    assert not permissions(one)


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
