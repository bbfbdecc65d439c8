"""A segment on disk: mapped into memory when it is read, so that it costs what is looked at."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import numpy as np

from slm_lsp.memory.segment import LONGEST, Segment

VERSION = 2
"""Of the format; another version's file is made anew."""

_BLOCK = 1 << 20
"""Bytes that are read at once."""

Stamp = tuple[int, int]
"""A file's time of change (ns) and size."""


def save(file: Path, segment: Segment, stamps: Mapping[str, Stamp], key: str, roots: Sequence[Path]) -> None:
    """Write a segment in place of a file, whole or not at all, for this user's eyes only.

    `roots` are the folders that its files are in.

    Raises:
        OSError: it can't be written.
    """
    # The text comes first, so that places in it are places in the file.
    parts = [
        padded
        for part in (segment.text, segment.order.data, segment.following.data, segment.heads.data)
        for padded in (part, b"\0" * (-part.nbytes % 8))
    ]
    head = {
        "version": VERSION,
        "key": key,
        "roots": list(map(str, roots)),
        "width": segment.width,
        "places": segment.size,
        "length": segment.length,
        "heads": len(segment.heads),
        "names": segment.names,
        "starts": segment.starts.tolist(),
        "stamps": stamps,
        "sum": _sum(parts),
    }
    said = json.dumps(head).encode()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        partial.touch(mode=0o600)
        with partial.open("wb") as out:
            out.writelines((*parts, said, len(said).to_bytes(8, "little")))
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def load(file: Path, key: str) -> tuple[Segment, dict[str, Stamp]] | None:
    """Map a file that `save` wrote under the same key; None if there is none, or it is not whole."""
    try:
        with file.open("rb") as opened:
            data = mmap(opened.fileno(), 0, access=ACCESS_READ)
            head, length = _head(data)
            # Read and not mapped: what is mapped and was looked at counts as this process's memory.
            if head["key"] != key or head["sum"] != _sum(_blocks(opened, length)):
                return None
        return _segment(data, head), {name: (time, size) for name, (time, size) in head["stamps"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def roots(file: Path) -> list[Path] | None:
    """Return the folders whose files a file remembers; None if it is not whole, or another version's."""
    try:
        with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
            head, _ = _head(data)
            return list(map(Path, head["roots"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _head(data: mmap) -> tuple[dict[str, Any], int]:
    """Return what stands behind the numbers, and how many bytes those take."""
    end = len(data) - 8
    start = end - int.from_bytes(data[end:], "little")
    head: dict[str, Any] = json.loads(data[start:end])
    if head["version"] != VERSION:
        raise ValueError("another version's file")
    return head, start


def _segment(data: mmap, head: Mapping[str, Any]) -> Segment:
    kind, places, length = np.dtype(f"u{head['width']}"), head["places"], head["length"]
    at = _padded((length + LONGEST) * kind.itemsize)
    order = np.frombuffer(data, np.uint32, places, at)
    at += _padded(order.nbytes)
    following = np.frombuffer(data, kind, places, at)
    heads = np.frombuffer(data, np.uint32, head["heads"], at + _padded(following.nbytes))
    starts = np.array(head["starts"], np.int64)
    return Segment(data, length, order, following, heads, head["names"], starts)


def _sum(blocks: Iterable[bytes | memoryview]) -> int:
    found = 0
    for block in blocks:
        found = crc32(block, found)
    return found


def _blocks(opened: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (block := opened.read(min(length, _BLOCK))):
        yield block
        length -= len(block)


def _padded(count: int) -> int:
    return count + -count % 8
