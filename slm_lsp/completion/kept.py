"""What is kept on disk of the user's code beside the models: indexes, and what was remembered and learned."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from slm_lsp.completion import learning
from slm_lsp.context.index_file import root_of
from slm_lsp.memory import disk

log = logging.getLogger(__name__)

LONGEST_WRITE = 3600.0
"""Seconds after which what is half written was left by a process that was killed."""


class Kept(NamedTuple):
    """Files that go together, and the folders whose code they tell of; None if there is no telling."""

    files: list[Path]
    roots: list[Path] | None


def kept(folder: Path) -> Iterator[Kept]:
    """Yield what a folder of indexes holds."""
    for file in sorted(folder.glob("*.sqlite")):
        root = root_of(file)
        yield Kept(sorted(folder.glob(f"{file.stem}.*")), [root] if root else None)
    for file in sorted(folder.glob("*.memory")):
        yield Kept([file], disk.roots(file))
    for file in sorted(folder.glob("*.learned")):
        yield Kept([file], learning.roots(file))
    yield from (Kept([file], None) for file in sorted(folder.glob("*.partial")))


def sweep(folder: Path) -> None:
    """Delete what is kept of folders that are gone, and what was left half written."""
    for files, roots in kept(folder):
        with suppress(OSError):  # in use where files in use can't be deleted, or another session's sweep
            half = roots is None and files[0].suffix == ".partial"
            if half and time.time() - files[0].stat().st_mtime > LONGEST_WRITE:
                files[0].unlink()
            if roots and not any(root.exists() for root in roots):
                for file in files:
                    file.unlink()
                log.info("what was kept of %s, which is gone, is deleted", ", ".join(map(str, roots)))
