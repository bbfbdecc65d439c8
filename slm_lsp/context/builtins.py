"""Names that a language brings with it, as far as they help to tell a known name from an invented one."""

import builtins as python
from functools import cache
from importlib.resources import files


@cache
def builtins(language: str) -> frozenset[str] | None:
    """Return what can be named without a declaration; None if that is not known of a language."""
    if language != "python":
        return _listed().get(language)
    kinds = (str, bytes, int, float, list, tuple, dict, set, frozenset, Exception, property, type)
    members = {name for kind in kinds for name in dir(kind)}
    more = {
        "read",
        "write",
        "close",
        "readline",
        "readlines",
        "exists",
        "parent",
        "self",
        "cls",
        "args",
        "kwargs",
    }
    return frozenset({*dir(python), *members, *more})


@cache
def _listed() -> dict[str, frozenset[str]]:
    """Read the lists: a line of language ids with a colon, then lines of names."""
    found = dict[str, frozenset[str]]()
    text = (files("slm_lsp.context") / "builtins.txt").read_text("utf-8")
    for part in text.split("\n\n")[1:]:
        ids, _, names = part.partition(":\n")
        found |= dict.fromkeys(ids.split(), frozenset(names.split()))
    return found
