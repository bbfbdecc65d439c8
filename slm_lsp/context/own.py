"""The file itself beyond what is seen of it: its imports, the scopes around the cursor, and an outline."""

from collections.abc import Container, Iterable

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.symbols import Symbol
from slm_lsp.text.snippet import Piece

SCOPE, IMPORT, MEMBER, FOREIGN, OUTLINE = range(5)
"""What comes first where there is no room for all. An import is foreign if it is nothing of the project."""

MOST_MEMBERS, MOST_OUTLINED, MOST_IMPORTS = 24, 40, 30
"""Pieces of each kind: those nearest to the cursor, and the last imports."""


def pieces(parsed: Parsed, line: int, ours: Container[str]) -> tuple[Piece, ...]:
    """Return the parts of a file that a cursor on a line does well to know, in the order to show them.

    `ours` are the names that the project defines: whatever is imported of them no model knows.

    Imports and the outline come first; then the scopes around the cursor from the outside in, the members of
    the innermost class right behind its signature.
    """
    found, lines = parsed.outline, parsed.snapshot.lines
    scopes = [one for one in found.symbols if one.body is not None and one.start <= line <= one.end]
    classes = [one for one in scopes if one.kind in ("class", "scope")]
    owner = classes[-1] if classes else None

    def indented(symbol: Symbol, text: str) -> str:
        indent = lines[symbol.start][: len(lines[symbol.start]) - len(lines[symbol.start].lstrip())]
        return "".join(f"{indent}{one}\n" for one in text.split("\n"))

    def nearest(symbols: Iterable[Symbol], most: int) -> list[Symbol]:
        near = sorted(symbols, key=lambda one: abs(one.start - line))[:most]
        return sorted(near, key=lambda one: one.start)

    outside = [one for one in found.symbols if not one.local and one not in scopes and one.kind != "scope"]
    members = [one for one in outside if owner and one.owner == owner.name]
    rest = [one for one in outside if one.kind in ("class", "function") and one not in members]
    chain = [Piece(one.start, indented(one, _opening(one)), SCOPE, scope=True) for one in scopes]
    at = scopes.index(owner) + 1 if owner else 0
    under = owner.start if owner else None
    return (
        *(
            Piece(one.start, f"{one.text}\n", IMPORT if any(name in ours for name in one.names) else FOREIGN)
            for one in found.imports[-MOST_IMPORTS:]
        ),
        *(Piece(one.start, indented(one, stub(one)), OUTLINE) for one in nearest(rest, MOST_OUTLINED)),
        *chain[:at],
        *(
            Piece(one.start, indented(one, stub(one)), MEMBER, under=under)
            for one in nearest(members, MOST_MEMBERS)
        ),
        *chain[at:],
    )


def stub(symbol: Symbol) -> str:
    """Return a definition without its body, as code: ``def f(a): ...``."""
    text = symbol.signature
    if symbol.body is None:
        return text
    return f"{text} ..." if text.endswith(":") else f"{text.removesuffix('{').rstrip()} {{ … }}"


def _opening(symbol: Symbol) -> str:
    """Return how a scope begins, with its docstring's first line."""
    text = symbol.signature
    if not text.endswith(":"):
        return text.removesuffix("{").rstrip() + " {"
    return f'{text}\n    """{symbol.doc}"""' if symbol.doc else text
