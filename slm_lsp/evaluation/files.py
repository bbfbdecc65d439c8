"""The source files of a repository that people write: nothing ignored by git, binary or generated."""

from collections.abc import Collection
from pathlib import Path

from slm_lsp.context.languages import PROSE_AND_DATA, language_id
from slm_lsp.context.sources import LARGEST, reason_to_skip
from slm_lsp.context.walk import Tree
from slm_lsp.errors import UsageError

NO_CODE = PROSE_AND_DATA | {"css", "html", "less", "sass", "scss"}
"""Language ids that are measured only if they are asked for: prose, data, style and markup."""


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
    for path in (root,) if root.is_file() else Tree(root).files():
        language = language_id(path)
        if language in languages if languages else language not in NO_CODE:
            found.append((path, language))
    if not found:
        wanted = f" in {', '.join(sorted(languages))}" if languages else ""
        raise UsageError(f"{root} has no source file{wanted} that git does not ignore; name another folder.")
    return found


def read(path: Path) -> str | None:
    """Return the text of a file, or None if it is none that people write and show, or can't be read."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    return None if not text or "\0" in text or reason_to_skip(path, text) else text
