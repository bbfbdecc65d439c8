"""Writing model files so that none is ever seen half written."""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slm_lsp.errors import ModelError


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn a failure of the disk under `folder` into one sentence.

    Raises:
        ModelError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"The disk that holds {folder} is full; free some space, "
                "or set SLM_LSP_CACHE to a folder on another disk."
            ) from error
        raise ModelError(
            f"{error.filename or folder} can't be read or written ({error.strerror or error}); "
            "check its permissions."
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` and hold it against other processes; what a killed process left half written goes."""
    from filelock import FileLock

    with explained(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock"), mode=0o600):
            for stale in folder.glob(".new-*"):
                shutil.rmtree(stale)
            yield


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield an empty folder that takes `target`'s name when the block ends well, and goes when it does not.

    Call it under `locked(target.parent)`.
    """
    with explained(target.parent):
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        try:
            yield fresh
            if target.exists():
                shutil.rmtree(target)
            fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def is_file(path: Path, size: int, digest: str) -> bool:
    """Whether `path` is a file of `size` bytes with that SHA-256 (in hex)."""
    return path.is_file() and path.stat().st_size == size and sha256(path) == digest


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(folder: Path) -> int:
    """Return the bytes of all files under `folder`; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
