"""Real code to measure with, which every machine has."""

import random
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

SOURCES = ("argparse", "textwrap", "shlex", "heapq", "fractions", "json.decoder", "inspect", "tarfile")
"""Modules of Python's library."""


def sources() -> Iterator[Path]:
    """Yield the files of `SOURCES`."""
    for name in SOURCES:
        spec = find_spec(name)
        if spec and spec.origin:
            yield Path(spec.origin)


def prompts(encode: Callable[[str], list[int]], length: int, count: int, seed: int) -> list[list[int]]:
    """Return windows of real code that begin in different places, so that none begins like another."""
    rng = random.Random(seed)
    files = [encode(path.read_text(encoding="utf-8")) for path in sources()]
    files = [ids for ids in files if len(ids) > length + count]
    starts: set[tuple[int, int]] = set()
    while len(starts) < count:
        file = rng.randrange(len(files))
        starts.add((file, rng.randrange(len(files[file]) - length)))
    return [files[file][start : start + length] for file, start in sorted(starts)]
