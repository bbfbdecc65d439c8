"""The source files of a repository that people write: nothing ignored by git, binary or generated."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from slm_lsp.context.languages import language_id
from slm_lsp.errors import UsageError

LARGEST = 300_000
"""Bytes; longer files are most often generated or data."""

LONGEST_LINE, LONGEST_MEAN = 1000, 150
"""Characters of the longest line and of the mean line, from which a file counts as minified."""

NO_CODE = frozenset(
    (
        *("bibtex", "diff", "git-commit", "git-rebase", "latex", "markdown", "mdx", "plaintext"),
        *("restructuredtext", "dotenv", "go.mod", "ignore", "ini", "json", "jsonc", "toml", "xml", "yaml"),
        *("css", "html", "less", "sass", "scss"),
    )
)
"""Language ids of prose, data, style and markup, which are measured only if they are asked for."""

_VENDORED = frozenset(
    (
        *("bower_components", "node_modules", "site-packages", "third_party", "vendor"),
        *("__pycache__", "build", "dist", "target"),
    )
)
_GENERATED = re.compile(r"@generated|\bdo not (?:edit|modify)\b|\bgenerated (?:by|from|with)\b", re.I)

_Specs = tuple[tuple[Path, GitIgnoreSpec], ...]


def source_files(root: Path, languages: Collection[str]) -> list[tuple[Path, str]]:
    """List the files of a tree, or the one file, that may hold code, with their language ids, in order.

    `languages` narrows them to these ids; when empty, all are taken but `NO_CODE`. Links are not followed.

    Raises:
        UsageError: there is no such path, or no such file in it.
    """
    if not root.exists():
        raise UsageError(f"there is no {root}; name a folder or a file of source code.")
    root = root.resolve()
    found = []
    for path in (root,) if root.is_file() else _walk(root):
        language = language_id(path)
        if language in languages if languages else language not in NO_CODE:
            found.append((path, language))
    if not found:
        wanted = f" in {', '.join(sorted(languages))}" if languages else ""
        raise UsageError(f"{root} has no source file{wanted} that git does not ignore; name another folder.")
    return found


def read(path: Path) -> str | None:
    """Return the text of a file, or None if it is huge, binary, minified, generated or can't be read."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    lines = text.splitlines()
    if "\0" in text or not lines:
        return None
    if max(map(len, lines)) > LONGEST_LINE or len(text) / len(lines) > LONGEST_MEAN:
        return None
    return None if _GENERATED.search(text[:1000]) else text


def _walk(root: Path) -> Iterator[Path]:
    """Yield the files below a folder that git would not ignore, hidden and vendored folders left out."""
    pending: list[tuple[Path, _Specs]] = [(root, _above(root))]
    while pending:
        folder, specs = pending.pop()
        specs += _ignored_in(folder, ".gitignore")
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path, is_folder = Path(entry.path), entry.is_dir(follow_symlinks=False)
            if is_folder and (entry.name.startswith(".") or entry.name in _VENDORED):
                continue
            if _ignored(path, is_folder, specs):
                continue
            if is_folder:
                pending.append((path, specs))
            elif entry.is_file(follow_symlinks=False):
                yield path


def _above(root: Path) -> _Specs:
    """Return what the repository around a folder ignores, from its top down to the folder's parent.

    Nothing if it ignores the folder itself: whoever names it wants it.
    """
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None or top == root:
        return () if top is None else _ignored_in(top, ".git/info/exclude")
    specs = _ignored_in(top, ".git/info/exclude")
    for folder in reversed([root, *root.parents]):
        if folder.is_relative_to(top) and folder != top:
            specs += _ignored_in(folder.parent, ".gitignore")
            if _ignored(folder, True, specs):
                return ()
    return specs


def _ignored_in(folder: Path, name: str) -> _Specs:
    try:
        lines = (folder / name).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return ((folder, GitIgnoreSpec.from_lines(lines)),)


def _ignored(path: Path, is_folder: bool, specs: _Specs) -> bool:
    # The deepest file that says anything of a path has the last word.
    for folder, spec in reversed(specs):
        verdict = spec.check_file(path.relative_to(folder).as_posix() + "/" * is_folder).include
        if verdict is not None:
            return verdict
    return False
