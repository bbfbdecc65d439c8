"""The files that a client's URIs name."""

from pathlib import Path

from pygls.uris import to_fs_path


def to_path(uri: str) -> Path | None:
    """Return the file or folder that a URI names; None if it names none, or is no URI."""
    try:
        path = to_fs_path(uri)
    except ValueError:
        return None
    return Path(path) if path else None
