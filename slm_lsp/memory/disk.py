"""A segment on disk, read whole.

It is not mapped: whoever cuts a file that is mapped kills the process, and Windows lets none be replaced.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from slm_lsp.memory.segment import Segment

VERSION = 3
"""Of the format; another version's file is made anew."""

Stamp = tuple[int, int]
"""A file's time of change (ns) and size."""


def save(file: Path, segment: Segment, stamps: Mapping[str, Stamp], key: str, roots: Sequence[Path]) -> None:
    """Write a segment in place of a file, whole or not at all, for this user's eyes only.

    `roots` are the folders that its files are in.

    Raises:
        OSError: it can't be written.
    """
    arrays = (segment.backwards, segment.order, segment.following, segment.heads)
    parts = [padded for part in arrays for padded in (part.data, b"\0" * (-part.nbytes % 8))]
    head = {
        "version": VERSION,
        "key": key,
        "roots": list(map(str, roots)),
        "width": segment.width,
        "places": segment.size,
        "tokens": len(segment.backwards),
        "heads": len(segment.heads),
        "names": segment.names,
        "starts": segment.starts.tolist(),
        "stamps": stamps,
        "sum": _sum(parts),
    }
    said = json.dumps(head).encode()
    write(file, (*parts, said, len(said).to_bytes(8, "little")))


def write(file: Path, blocks: Iterable[bytes | memoryview]) -> None:
    """Write a file in place of another, whole or not at all, for this user's eyes only.

    Raises:
        OSError: it can't be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        partial.touch(mode=0o600)
        with partial.open("wb") as out:
            out.writelines(blocks)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def load(file: Path, key: str) -> tuple[Segment, dict[str, Stamp]] | None:
    """Read a file that `save` wrote under the same key; None if there is none, or it is not whole."""
    try:
        data = file.read_bytes()
        head, length = _head(data)
        if head["key"] != key or head["sum"] != _sum([memoryview(data)[:length]]):
            return None
        return _segment(data, head), {name: (time, size) for name, (time, size) in head["stamps"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def roots(file: Path) -> list[Path] | None:
    """Return the folders whose files a file remembers; None if it is not whole, or another version's."""
    try:
        with file.open("rb") as opened:
            end = opened.seek(-8, os.SEEK_END)
            opened.seek(max(0, end - int.from_bytes(opened.read(), "little")))
            return list(map(Path, _head(opened.read())[0]["roots"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _head(data: bytes) -> tuple[dict[str, Any], int]:
    """Return what stands behind the numbers, at the end of a file, and how many bytes are before it."""
    end = len(data) - 8
    start = end - int.from_bytes(data[end:], "little")
    head: dict[str, Any] = json.loads(data[start:end])
    if head["version"] != VERSION:
        raise ValueError("another version's file")
    return head, start


def _segment(data: bytes, head: Mapping[str, Any]) -> Segment:
    kind, places = np.dtype(f"u{head['width']}"), head["places"]
    backwards = np.frombuffer(data, kind, head["tokens"])
    at = _padded(backwards.nbytes)
    order = np.frombuffer(data, np.uint32, places, at)
    at += _padded(order.nbytes)
    following = np.frombuffer(data, kind, places, at)
    heads = np.frombuffer(data, np.uint32, head["heads"], at + _padded(following.nbytes))
    return Segment(backwards, order, following, heads, head["names"], np.array(head["starts"], np.int64))


def _sum(blocks: Iterable[bytes | memoryview]) -> int:
    found = 0
    for block in blocks:
        found = crc32(block, found)
    return found


def _padded(count: int) -> int:
    return count + -count % 8
