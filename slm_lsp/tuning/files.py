"""Which files of a source tree are learned from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slm_lsp.context.languages import language_id
from slm_lsp.context.sources import LARGEST, reason_to_skip
from slm_lsp.context.walk import VENDORED, Tree
from slm_lsp.errors import UsageError
from slm_lsp.secrecy import mask
from slm_lsp.tuning.examples import File

LANGUAGES = frozenset(
    (
        *("c", "cpp", "go", "java", "javascript", "javascriptreact", "python", "rust"),
        *("typescript", "typescriptreact"),
    )
)
"""Language ids that are learned from; `slm_lsp.tuning.holes` knows the nodes of their trees."""

MIN_SIZE = 200
"""Bytes; shorter files teach nothing."""

SKIPPED = VENDORED | {"external", "extern", "deps", "contrib"}
"""Folders that hold other people's code more often than not."""


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

    Files that hold secrets are none of them; what looks like a secret in the others is masked.

    Raises:
        UsageError: a root does not exist.
    """
    for root in roots:
        if not root.exists():
            raise UsageError(f"{root} does not exist; give a folder or a file of source code.")
        if root.is_file():
            yield from _read(root, root.name, root.parent.name, tally)
            continue
        for path in Tree(root, SKIPPED).files(lambda folder: tally.leave("unreadable")):
            yield from _read(path, path.relative_to(root).as_posix(), root.name, tally)


def _read(path: Path, shown: str, source: str, tally: Tally) -> Iterator[File]:
    language = language_id(path)
    if language not in LANGUAGES:
        return
    try:
        size = path.stat().st_size
        if not MIN_SIZE <= size <= LARGEST:
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
    if (reason := reason_to_skip(path, text)) is not None:
        return tally.leave(reason)
    tally.taken += 1
    yield File(shown, language, mask(text), source)
