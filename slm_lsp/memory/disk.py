"""A segment on disk: mapped into memory when it is read, so that it costs what is looked at."""

import json
import os
from collections.abc import Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np

from slm_lsp.memory.segment import LONGEST, Segment

VERSION = 1
"""Of the format; another version's file is made anew."""

Stamp = tuple[int, int]
"""A file's time of change (ns) and size."""


def save(file: Path, segment: Segment, stamps: Mapping[str, Stamp], key: str) -> None:
    """Write a segment in place of a file, whole or not at all, for this user's eyes only.

    Raises:
        OSError: it can't be written.
    """
    head = {
        "version": VERSION,
        "key": key,
        "width": segment.width,
        "places": segment.size,
        "length": segment.length,
        "heads": len(segment.heads),
        "names": segment.names,
        "starts": segment.starts.tolist(),
        "stamps": stamps,
    }
    said = json.dumps(head).encode()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        partial.touch(mode=0o600)
        with partial.open("wb") as out:
            # The text comes first, so that places in it are places in the file.
            for part in (segment.text, segment.order.data, segment.following.data, segment.heads.data):
                out.write(part)
                out.write(b"\0" * (-part.nbytes % 8))
            out.write(said + len(said).to_bytes(8, "little"))
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def load(file: Path, key: str) -> tuple[Segment, dict[str, Stamp]] | None:
    """Map a file that `save` wrote under the same key; None if there is none, or it is not whole."""
    try:
        with file.open("rb") as opened:
            data = mmap(opened.fileno(), 0, access=ACCESS_READ)
        return _read(data, key)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(data: mmap, key: str) -> tuple[Segment, dict[str, Stamp]] | None:
    end = len(data) - 8
    start = end - int.from_bytes(data[end:], "little")
    head: dict[str, Any] = json.loads(data[start:end])
    if (head["version"], head["key"]) != (VERSION, key):
        return None
    kind, places, length = np.dtype(f"u{head['width']}"), head["places"], head["length"]
    at = _padded((length + LONGEST) * kind.itemsize)
    order = np.frombuffer(data, np.uint32, places, at)
    at += _padded(order.nbytes)
    following = np.frombuffer(data, kind, places, at)
    heads = np.frombuffer(data, np.uint32, head["heads"], at + _padded(following.nbytes))
    starts = np.array(head["starts"], np.int64)
    segment = Segment(data, length, order, following, heads, head["names"], starts)
    return segment, {name: (time, size) for name, (time, size) in head["stamps"].items()}


def _padded(count: int) -> int:
    return count + -count % 8
