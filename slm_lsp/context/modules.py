"""The Python modules of a workspace: what they are called in a file, and what may be imported from them."""

import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.elsewhere import MOST, Elsewhere

_IMPORTS = re.compile(r"^from[ \t]+[\w.]+[ \t]+import[ \t]+(\([^)]*\)|[^\n(]*)", re.M)
_IMPORTED = re.compile(r"([\w.]+)(?:\s+as\s+(\w+))?\s*(?:,|\Z)")


class Members(NamedTuple):
    """The names of members, and whether there are no others."""

    names: frozenset[str]
    whole: bool


class Modules:
    """The modules that a file can import. Not thread-safe."""

    def __init__(self, parsed: Parsed, elsewhere: Elsewhere) -> None:
        self._parsed, self._elsewhere = parsed, elsewhere
        self._names: dict[str, Members | None] = {}

    def called(self, name: str) -> Members | None:
        """Return the names of the module that is called so in the file; None if there is none."""
        module = self._aliases.get(name)
        return self.names(module) if module else None

    def names(self, module: str) -> Members | None:
        """Return what may be imported from a module; None if it is not in the workspace."""
        if module not in self._names:
            path = self._file(module)
            self._names[module] = self._names_of(path) if path else None
        return self._names[module]

    @cached_property
    def _aliases(self) -> dict[str, str]:
        """The dotted names of Python modules, by what they are called here."""
        found = dict[str, str]()
        for one in self._parsed.outline.imports:
            words = one.text.replace("(", " ").replace(")", " ")
            module, _, names = words.removeprefix("from ").partition(" import ")
            if words.startswith("import "):
                module, names = "", words.removeprefix("import ")
            for match in _IMPORTED.finditer(names.strip()):
                dotted = f"{module.strip().rstrip('.')}.{match[1]}" if module else match[1]
                if module.startswith(".") and not module.strip("."):
                    dotted = module.strip() + match[1]
                found[match[2] or match[1]] = dotted
        return found

    def _names_of(self, path: Path) -> Members | None:
        names = {one.symbol.name for one in self._elsewhere.members(path, "", MOST)}
        try:
            text = path.read_text("utf-8", errors="replace")
        except OSError:
            return None
        for imported in _IMPORTS.findall(text):
            names |= {match[2] or match[1] for match in _IMPORTED.finditer(imported.strip("() \n"))}
        if path.name == "__init__.py":
            names |= {one.parts[0].removesuffix(".py") for one in self._elsewhere.below(path.parent)}
        return Members(frozenset(name for name in names if not name.startswith("__")), False)

    def _file(self, module: str) -> Path | None:
        """Return the file of a Python module in the workspace; of several the one that lies highest."""
        bare = module.lstrip(".")
        end, own = bare.replace(".", "/"), self._parsed.snapshot.path
        if not module.startswith("."):
            files = [*self._elsewhere.files(f"{end}.py"), *self._elsewhere.files(f"{end}/__init__.py")]
            return min(files, key=lambda path: (len(path.parts), path), default=None)
        if not own:
            return None
        folder = own.parents[min(len(module) - len(bare), len(own.parents)) - 1]
        wanted = {folder / f"{end}.py", folder / end / "__init__.py"}
        files = [one for path in wanted for one in self._elsewhere.files("/".join(path.parts[-2:]))]
        return next((one for one in files if one in wanted), None)
