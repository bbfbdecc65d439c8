"""Which holes need another file of the repository to be known: they use a name that is defined only there."""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.languages import relatives
from slm_lsp.evaluation.files import read
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot

SHORTEST = 4
"""Letters of a name that says which definition is meant."""

KINDS = ("class", "function")
"""What is looked for, constants besides: fields and variables share their names with everyone's locals."""

FILES = 3
"""A name that more files define than these is a word that anyone would use (`name`, `close`, `to_string`)."""


class Use(Enum):
    """What a hole uses: a name that another file of the repository defines, or nothing of the kind."""

    CROSS_FILE = "cross-file"
    OWN_FILE = "own file"


class Definitions:
    """The names that each file of a repository defines for others to use."""

    def __init__(self, files: Iterable[tuple[Path, str]]) -> None:
        self._paths: dict[str, set[tuple[Path, str]]] = {}
        for path, language in files:
            if text := read(path):
                parsed = Parsed.of(Snapshot(path.as_uri(), language, 0, tuple(split(text)), path))
                for symbol in parsed.outline.symbols:
                    named = symbol.kind in KINDS or symbol.name.isupper()
                    if named and not symbol.local and len(symbol.name) >= SHORTEST:
                        self._paths.setdefault(symbol.name, set()).add((path, language))

    def use(self, path: Path, language: str, names: Iterable[str]) -> Use:
        """Tell which kind of use the names of a hole in a file are."""
        languages = relatives(language)
        for name in names:
            places = [one for one, written in self._paths.get(name, ()) if written in languages]
            if 0 < len(places) <= FILES and path not in places:
                return Use.CROSS_FILE
        return Use.OWN_FILE
