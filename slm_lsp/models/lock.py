"""What was fetched from the hub, kept beside it: the revision and every file's size and SHA-256.

A hub id names whatever its owner put there last. The lock makes the first pull the measure of later ones.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from slm_lsp.errors import ModelInvalid

LOCK_FILE = "slm-lsp.lock"
"""Written last: a folder without it was not fetched to the end."""


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file by its name in the repository: `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A repository at one revision (a commit's hash), and the licence that its user was shown."""

    repository: str
    revision: str
    licence: str
    files: tuple[LockedFile, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


def read(folder: Path) -> Lock | None:
    """Return the lock in `folder`, or None where nothing was fetched to the end.

    Raises:
        ModelInvalid: it is damaged.
        OSError: it can't be read.
    """
    path = folder / LOCK_FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(LockedFile(**file) for file in values.pop("files"))
        return Lock(**values, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelInvalid(f"{path} is damaged; remove the model and pull it again.") from error


def write(folder: Path, lock: Lock) -> None:
    """Keep the lock in `folder`.

    Raises:
        OSError: it can't be written.
    """
    partial = folder / f"{LOCK_FILE}.new"
    partial.write_text(json.dumps(asdict(lock), indent=2), encoding="utf-8")
    partial.replace(folder / LOCK_FILE)


def locked_file(folder: Path, name: str) -> LockedFile:
    """Return what a file of `folder` is now.

    Raises:
        OSError: it can't be read.
    """
    path = folder / name
    with path.open("rb") as file:
        return LockedFile(name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def check_sizes(folder: Path, lock: Lock) -> None:
    """Check in no time that every file is there in its size; `slm-lsp models pull` reads them all.

    Raises:
        ModelInvalid: one is missing, cut off or altered.
    """
    for file in lock.files:
        path = folder / file.name
        if not path.is_file() or path.stat().st_size != file.size:
            raise ModelInvalid(f"{path} is missing, or is not what was fetched; pull the model again.")
