"""The words that code is made of: identifiers, whole and split where their writers joined them."""

import re
from functools import lru_cache

_IDENTIFIER = re.compile(r"[A-Za-z_]\w{2,60}", re.ASCII)
# Camel case, Pascal case with acronyms, snake case: HTTPServer_name2 is http, server, name.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# fmt: off
STOP_WORDS = frozenset((
    "and", "any", "args", "async", "await", "bool", "break", "case", "catch", "char", "class", "const",
    "continue", "def", "default", "del", "double", "elif", "else", "end", "enum", "except", "export",
    "extends", "false", "final", "finally", "float", "for", "from", "func", "function", "global", "hash",
    "impl", "import", "include", "int", "interface", "isinstance", "kwargs", "lambda", "len", "let",
    "list", "long", "map", "match", "mut", "namespace", "new", "nil", "none", "not", "null", "override",
    "package", "pass", "print", "private", "protected", "public", "pub", "raise", "range", "require",
    "return", "self", "set", "static", "str", "string", "struct", "super", "switch", "template", "the",
    "then", "this", "throw", "throws", "trait", "true", "try", "type", "typedef", "undefined",
    "unsigned", "use", "using", "val", "var", "void", "while", "with", "yield",
))
# fmt: on
"""Keywords and the commonest names of many languages: they tell one place from another hardly ever."""


def words(text: str) -> set[str]:
    """Return the words of a text in lower case: each identifier, and its parts if it has several."""
    found: set[str] = set()
    for identifier in set(_IDENTIFIER.findall(text)):
        found.update(_words(identifier))
    return found


@lru_cache(200_000)
def _words(identifier: str) -> tuple[str, ...]:
    parts = [part.lower() for part in _PART.findall(identifier) if len(part) > 2]
    whole = identifier.strip("_").lower()
    return tuple(word for word in dict.fromkeys((whole, *parts)) if word not in STOP_WORDS)


def likeness(one: set[str], other: set[str]) -> float:
    """Return the Jaccard index of two sets of words, from 0 to 1."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0
