"""The one walk through source trees: what git and the other ignore files leave out is never seen."""

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".ignore", ".slmignore")
"""Files of patterns in git's syntax; in the same folder the later has the last word."""

# fmt: off
VENDORED = frozenset((
    "node_modules", "bower_components", "jspm_packages", "site-packages", "vendor", "vendored", "_vendor",
    "third_party", "thirdparty", "third-party", "3rdparty", "Pods", "Carthage",
    "__pycache__", "build", "dist", "target",
))
# fmt: on
"""Folders of other people's code and of what is built, by the names that are usual for them."""

_Specs = tuple[tuple[Path, GitIgnoreSpec], ...]


class Tree:
    """A folder, and which paths below it count as its own code.

    Hidden and vendored folders, whatever an ignore file names, and links don't. The ignore files of the
    repository around the folder count as well, unless they name the folder itself: whoever names it wants
    it. Each ignore file is read once, when a path is first asked about that it may name; never before, since
    trees are made on the event loop.
    """

    def __init__(self, root: Path, skipped: Collection[str] = VENDORED) -> None:
        self.root = root
        self._skipped = skipped
        self._known: dict[Path, _Specs] = {}

    def files(self, refused: Callable[[Path], None] = lambda folder: None) -> Iterator[Path]:
        """Yield every file, folder by folder in a fixed order; `refused` is told of unreadable folders.

        Links are not followed, so no loop of them leads astray.
        """
        pending = [self.root]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError:
                refused(folder)
                continue
            specs = self._specs(folder)
            for entry in entries:
                try:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    is_file = entry.is_file(follow_symlinks=False)
                except OSError:
                    continue
                if not (is_folder or is_file) or self._leaves_out(Path(entry.path), is_folder, specs):
                    continue
                if is_folder:
                    pending.append(Path(entry.path))
                else:
                    yield Path(entry.path)

    def has(self, path: Path) -> bool:
        """Whether a file's path would be among the `files`, were there such a file."""
        if path == self.root or not path.is_relative_to(self.root):
            return False
        folder = self.root
        for name in path.relative_to(self.root).parts[:-1]:
            if self._leaves_out(folder / name, True, self._specs(folder)):
                return False
            folder /= name
        return not self._leaves_out(path, False, self._specs(folder))

    def forget(self) -> None:
        """Read the ignore files again when they are next needed."""
        self._known.clear()

    def _leaves_out(self, path: Path, is_folder: bool, specs: _Specs) -> bool:
        if is_folder and (path.name.startswith(".") or path.name in self._skipped):
            return True
        return _ignored(path, is_folder, specs)

    def _specs(self, folder: Path) -> _Specs:
        if folder not in self._known:
            above = _above(folder) if folder == self.root else self._specs(folder.parent)
            self._known[folder] = above + _ignored_in(folder, *IGNORE_FILES)
        return self._known[folder]


def nearness(one: Path, other: Path) -> float:
    """Return the share of folders that two paths have in common, from 0 to 1."""
    ours, theirs = one.parent.parts, other.parent.parts
    common = sum(1 for pair in zip(ours, theirs, strict=False) if pair[0] == pair[1])
    return common / max(len(ours), len(theirs), 1)


def _above(root: Path) -> _Specs:
    """Return what the repository around a folder ignores, from its top down to the folder's parent."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None:
        return ()
    specs = _ignored_in(top, ".git/info/exclude")
    for folder in reversed([root, *root.parents]):
        if folder.is_relative_to(top) and folder != top:
            specs += _ignored_in(folder.parent, *IGNORE_FILES)
            if _ignored(folder, True, specs):
                return ()
    return specs


def _ignored_in(folder: Path, *names: str) -> _Specs:
    found = []
    for name in names:
        try:
            lines = (folder / name).read_text("utf-8", errors="replace").splitlines()
        except OSError:
            continue
        found.append((folder, GitIgnoreSpec.from_lines(lines)))
    return tuple(found)


def _ignored(path: Path, is_folder: bool, specs: _Specs) -> bool:
    # The deepest file that says anything of a path has the last word.
    for folder, spec in reversed(specs):
        verdict = spec.check_file(path.relative_to(folder).as_posix() + "/" * is_folder).include
        if verdict is not None:
            return verdict
    return False


def ignored_by_files(path: Path) -> bool:
    """Whether an ignore file between a path and the top of its repository, or its root, names it.

    Hidden and vendored folders are no matter here: who opens a file there means to work on it.
    """
    top = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    folders = [folder for folder in reversed(path.parents) if top is None or folder.is_relative_to(top)]
    specs: _Specs = _ignored_in(top, ".git/info/exclude") if top else ()
    for folder in folders:
        specs += _ignored_in(folder, *(IGNORE_FILES if top else IGNORE_FILES[-1:]))
        below = path.relative_to(folder).parts
        if _ignored(folder / below[0], len(below) > 1, specs):
            return True
    return False
