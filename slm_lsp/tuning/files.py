"""Which files of a source tree are learned from."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from slm_lsp.context import grammars
from slm_lsp.context.languages import language_id
from slm_lsp.errors import SlmLspError, UsageError
from slm_lsp.tuning.examples import File

MIN_SIZE, MAX_SIZE = 200, 300_000
"""Bytes: shorter files teach nothing, longer ones are most often generated or data."""

# fmt: off
_SKIPPED_FOLDERS = frozenset((
    "node_modules", "vendor", "vendored", "_vendor", "third_party", "thirdparty", "third-party",
    "3rdparty", "external", "extern", "site-packages", "bower_components", "deps", "contrib", "dist",
    "build", "target", "__pycache__",
))
# fmt: on
_GENERATED = re.compile(
    r"@generated|do not edit|auto-?generated|automatically generated|generated (?:by|from|file|code)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"""-----BEGIN\ (?:[A-Z]+\ )*PRIVATE\ KEY | \bAKIA[0-9A-Z]{16}\b | \bgh[pousr]_\w{36}
    | \bxox[abprs]-[\w-]{10} | \bAIza[\w-]{35} | \bsk-[\w-]{32} | \beyJ[\w-]{16,}\.eyJ[\w-]{16,}
    | (?i:\b(?:password|passwd|secret|api_?key|access_?token|auth_?token)\b['"]?\s*[:=]\s*
        ['"](?=[^'"]*\d)(?=[^'"]*[a-z])[\w+/=-]{16,}['"])""",
    re.VERBOSE,
)
"""Keys and tokens in the forms that their issuers give them, and long literals given to what is called a
secret.

The forms are those of https://docs.github.com/en/code-security/secret-scanning.
"""


@dataclass(slots=True)
class Tally:
    """How many files were taken, and how many were left out for which reason."""

    taken: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def leave(self, reason: str) -> None:
        """Count one file left out."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def collect(roots: list[Path], tally: Tally) -> Iterator[File]:
    """Yield the source files of the trees in a fixed order, with paths relative to their root.

    Raises:
        UsageError: a root does not exist.
    """
    for root in roots:
        if not root.exists():
            raise UsageError(f"{root} does not exist; give a folder or a file of source code.")
        if root.is_file():
            yield from _read(root, root.name, tally)
            continue
        for path in _walk(root):
            yield from _read(path, path.relative_to(root).as_posix(), tally)


def reason_to_skip(path: str, text: str) -> str | None:
    """Return why a text is not learned from: minified, generated or with a secret in it; None if it is."""
    longest = max(map(len, text.split("\n")))
    if longest > 1000 or len(text) / (1 + text.count("\n")) > 120 or ".min." in path:
        return "minified"
    letters = sum(map(str.isalpha, text))
    if letters < 0.25 * len(text):
        return "data"
    if _GENERATED.search(text[:2000]):
        return "generated"
    if _SECRET.search(text):
        return "secret"
    return None


def _walk(root: Path) -> Iterator[Path]:
    """Yield the files that git would not ignore, by the .gitignore of every folder on the way."""
    pending: list[tuple[Path, tuple[tuple[Path, GitIgnoreSpec], ...]]] = [(root, ())]
    while pending:
        folder, specs = pending.pop()
        ignore = folder / ".gitignore"
        if ignore.is_file():
            lines = ignore.read_text(encoding="utf-8", errors="replace").splitlines()
            specs = (*specs, (folder, GitIgnoreSpec.from_lines(lines)))
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise SlmLspError(
                f"{folder} can't be read ({error.strerror}); mend its permissions or leave it out."
            ) from error
        for entry in entries:
            path = Path(entry.path)
            is_folder = entry.is_dir(follow_symlinks=False)
            if _ignored(path, is_folder, specs):
                continue
            if is_folder:
                if not entry.name.startswith(".") and entry.name not in _SKIPPED_FOLDERS:
                    pending.append((path, specs))
            elif entry.is_file(follow_symlinks=False):
                yield path


def _ignored(path: Path, is_folder: bool, specs: tuple[tuple[Path, GitIgnoreSpec], ...]) -> bool:
    for base, spec in reversed(specs):
        relative = path.relative_to(base).as_posix() + ("/" if is_folder else "")
        # The deepest .gitignore that says anything about a path has the last word.
        if (verdict := spec.check_file(relative).include) is not None:
            return verdict
    return False


def _read(path: Path, shown: str, tally: Tally) -> Iterator[File]:
    language = language_id(path)
    if language not in grammars.LANGUAGES:
        return
    try:
        size = path.stat().st_size
        if not MIN_SIZE <= size <= MAX_SIZE:
            return tally.leave("size")
        raw = path.read_bytes()
    except OSError:
        return tally.leave("unreadable")
    if b"\0" in raw:
        return tally.leave("binary")
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return tally.leave("encoding")
    if (reason := reason_to_skip(shown, text)) is not None:
        return tally.leave(reason)
    tally.taken += 1
    yield File(shown, language, text)
