"""The code of other files: definitions in open buffers first, and in the indexes of the workspace."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.index import Defined, Index
from slm_lsp.context.languages import relatives

MOST = 2000
"""Members of a class or module, where all of them are wanted."""


class Elsewhere:
    """What other files define which the code of `own` can use; buffers count for their files."""

    def __init__(self, own: Parsed, others: Sequence[Parsed], indexes: Sequence[Index]) -> None:
        self._languages, self._indexes = relatives(own.snapshot.language), indexes
        self._open = {one.snapshot.path for one in others} | {own.snapshot.path}
        self._named: dict[str, list[Defined]] = {}
        self._members: dict[tuple[Path, str], list[Defined]] = {}
        for other in others:
            path, language = other.snapshot.path, other.snapshot.language
            if path and language in self._languages:
                for symbol in other.outline.symbols:
                    if not symbol.local:
                        one = Defined(path, language, symbol)
                        self._members.setdefault((path, symbol.owner), []).append(one)
                        if symbol.kind != "scope":
                            self._named.setdefault(symbol.name, []).append(one)

    def is_open(self, path: Path) -> bool:
        """Whether a file is in an open buffer."""
        return path in self._open

    def definitions(self, names: Iterable[str]) -> dict[str, list[Defined]]:
        """Return what is defined under each of some names."""
        found = {name: list(self._named.get(name, ())) for name in names}
        for index in self._indexes:
            for one in index.definitions(found, self._languages):
                if one.path not in self._open:
                    found[one.symbol.name].append(one)
        return found

    def members(self, path: Path, owner: str, most: int = 60) -> list[Defined]:
        """Return the members of a class, or what a file defines outside of all; in their order."""
        if path in self._open:
            return self._members.get((path, owner), [])
        holding = (one for one in self._indexes if path.is_relative_to(one.root))
        return next((index.members(path, owner, most) for index in holding), [])

    def files(self, end: str) -> list[Path]:
        """Return the indexed files whose paths are `end`, or end with it behind a slash."""
        return [path for index in self._indexes for path in index.files(end)]

    def below(self, folder: Path) -> list[Path]:
        """Return the indexed files in a folder and in those below it, by their paths from there."""
        return [path for index in self._indexes for path in index.below(folder)]
