"""The tree-sitter grammars whose files give syntactic holes, by LSP language id."""

from functools import cache
from importlib import import_module

from tree_sitter import Language, Parser

_GRAMMARS = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "python": ("tree_sitter_python", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
}

LANGUAGES = frozenset(_GRAMMARS)
"""Language ids that have a grammar."""


@cache
def parser(language: str) -> Parser:
    """Return the parser of a language in `LANGUAGES`; kept, and not to be shared between threads."""
    module, function = _GRAMMARS[language]
    return Parser(Language(getattr(import_module(module), function)()))
