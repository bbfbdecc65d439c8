import os
from pathlib import Path

import pytest

from slm_lsp.context import walk
from slm_lsp.context.walk import Tree
from slm_lsp.context.workspace import Workspace


def put(root: Path, *names: str, text: str = "") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def seen(root: Path) -> list[str]:
    """The files that the walk yields, which are those that `has` knows."""
    tree = Tree(root)
    found = sorted(path.relative_to(root).as_posix() for path in tree.files())
    every = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert found == sorted(path.relative_to(root).as_posix() for path in every if Tree(root).has(path))
    return found


@pytest.mark.parametrize("name", [".gitignore", ".ignore", ".slmignore"])
def test_each_ignore_file_counts_from_its_folder_on(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a.py", "b/a.py", "b/c.py", "b/out/d.py", "out/e.py")
    put(tmp_path, f"b/{name}", text="a.py\nout/\n")
    assert seen(tmp_path) == ["a.py", f"b/{name}", "b/c.py", "out/e.py"]


def test_the_projects_own_ignore_file_overrules_gits(tmp_path: Path) -> None:
    put(tmp_path, "a.gen.py", "b.py")
    put(tmp_path, ".gitignore", text="*.gen.py\n")
    put(tmp_path, ".slmignore", text="!a.gen.py\nb.py\n")
    assert [name for name in seen(tmp_path) if name.endswith(".py")] == ["a.gen.py"]


def test_a_deeper_ignore_file_has_the_last_word(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", text="*.py\n")
    put(tmp_path, "b/.gitignore", text="!keep.py\n")
    put(tmp_path, "b/keep.py", "b/drop.py", "keep.py")
    assert [name for name in seen(tmp_path) if name.endswith(".py")] == ["b/keep.py"]


def test_links_and_loops_of_links_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "a/b.py")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a/self")
    (tmp_path / "c.py").symlink_to(tmp_path / "a/b.py")
    assert sorted(path.name for path in Tree(tmp_path).files()) == ["b.py"]


def test_a_folder_that_cannot_be_read_is_told_of_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.py", "closed/b.py")
    original = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "closed":  # root may read what it likes, so permissions don't do here
            raise PermissionError
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    refused: list[Path] = []
    assert [path.name for path in Tree(tmp_path).files(refused.append)] == ["a.py"]
    assert refused == [tmp_path / "closed"]


def test_changed_ignore_files_are_read_again_when_told(tmp_path: Path) -> None:
    put(tmp_path, "a.py")
    tree = Tree(tmp_path)
    assert tree.has(tmp_path / "a.py")
    put(tmp_path, ".gitignore", text="a.py\n")
    tree.forget()
    assert not tree.has(tmp_path / "a.py")


def test_what_lies_elsewhere_is_no_part_of_the_tree(tmp_path: Path) -> None:
    assert not Tree(tmp_path / "a").has(tmp_path / "b.py")


def test_taking_note_of_a_changed_ignore_file_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told on the event loop, where no disk may be waited for."""
    put(tmp_path, ".git/config", "shop/a.py")
    put(tmp_path, ".gitignore", text="a.py\n")
    read: list[str] = []
    ignored_in = walk._ignored_in

    def noted(folder: Path, *names: str) -> walk._Specs:
        read.append(folder.name)
        return ignored_in(folder, *names)

    monkeypatch.setattr(walk, "_ignored_in", noted)
    workspace = Workspace()
    try:
        workspace.add_folder(tmp_path / "shop")
        workspace.changed(tmp_path / ".gitignore")
        assert not read
        assert not Tree(tmp_path / "shop").has(tmp_path / "shop" / "a.py")
        assert read
    finally:
        workspace.shut_down()
