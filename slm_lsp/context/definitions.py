"""What the names near the cursor mean: their definitions, in open buffers first, then in the workspace."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.called import types
from slm_lsp.context.elsewhere import Elsewhere
from slm_lsp.context.index import Defined
from slm_lsp.context.languages import comment
from slm_lsp.context.own import stub
from slm_lsp.context.symbols import references
from slm_lsp.context.walk import nearness
from slm_lsp.context.words import STOP_WORDS
from slm_lsp.text.snippet import Part, Snippet

ABOVE, BELOW = 24, 6
"""Lines around the cursor whose names are looked up."""

MOST_NAMES = 24
"""Names that are looked up, the nearest."""

LEAST = 0.25
"""The score below which a definition is no help."""

KEPT = 0.5
"""What a name counts whose definition is shown already: to leave it out would take time, and win nothing."""

MOST_ALIKE = 4
"""Definitions of one name among which none is said to be meant, if no import tells."""

MEMBERS_LENGTH = 400
"""Characters of the members that are shown of a class: of more there is no room for anything else."""

_IDENTIFIER, _PATH_PART = re.compile(r"[^\W\d]\w*"), re.compile(r"[\w-]+")

Shown = Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Name:
    """A name near the cursor, and how much it matters, from 0 to 1."""

    text: str
    weight: float


def names_near(
    parsed: Parsed,
    lines: Sequence[str],
    line: int,
    called: Sequence[str] = (),
    kept: Sequence[str] = (),
) -> list[Name]:
    """Return the names that code near a line refers to, the weightiest first.

    `lines` is the text as it is now; the tree of `parsed` may be older. Of the cursor's own line only the
    names in `called` count: what is being typed on it changes with every key. Variables ask for their types
    as well. The names in `kept`, whose definitions are shown already, count for little.
    """
    weights: dict[str, float] = {}

    def note(name: str, weight: float) -> None:
        if len(name) > 1 and name not in STOP_WORDS:
            weights[name] = max(weights.get(name, 0.0), weight)

    first, last = max(0, line - ABOVE), min(len(lines), line + BELOW + 1)
    if parsed.tree is not None and parsed.snapshot.lines:
        start, end = parsed.byte(first), parsed.byte(last)
        for name, at in references(parsed.snapshot.language, parsed.tree, parsed.source, start, end):
            if at != line:
                note(name, 1 / (1 + abs(at - line) / 4))
        for scope in parsed.outline.symbols:
            if scope.body is not None and scope.start <= line <= scope.end:
                # Types of parameters and base classes.
                for name in _IDENTIFIER.findall(scope.signature):
                    if name != scope.name:
                        note(name, 0.6)
    else:
        for at in range(first, last):
            if at != line:
                for name in _IDENTIFIER.findall(lines[at]):
                    note(name, 0.5 / (1 + abs(at - line) / 4))
    for name in kept:
        note(name, KEPT)
    for back, name in enumerate(reversed(called)):
        note(name, 1.2 - 0.05 * back)
    near = sorted(weights, key=lambda name: (-weights[name], name))
    for name, type_ in types(near, lines, line).items():
        note(type_, 0.95 * weights[name])
    ordered = sorted(weights, key=lambda name: (-weights[name], name))
    return [Name(name, weights[name]) for name in ordered[:MOST_NAMES]]


def definitions(parsed: Parsed, names: Sequence[Name], elsewhere: Elsewhere, shown: Shown) -> list[Snippet]:
    """Return the definitions of names, best first; those of the file itself are none of them.

    `shown` says how a path is shown.
    """
    local = {one.name for one in parsed.outline.symbols}
    wanted = [name for name in names if name.text not in local]
    imports = [one.text for one in parsed.outline.imports]
    named = {name.text for name in names}.union(*(one.names for one in parsed.outline.imports))
    found = elsewhere.definitions(name.text for name in wanted)
    best: list[tuple[float, Defined]] = []
    for name in wanted:
        # Everyone has a field called `name`: it says nothing if nothing says whose it is.
        likely = [one for one in found[name.text] if one.symbol.kind != "field" or one.symbol.owner in named]
        if choice := meant(likely, imports, parsed.snapshot.path):
            certainty, one = choice
            if name.weight * certainty >= LEAST:
                best.append((name.weight * certainty, one))
    best.sort(key=lambda entry: (-entry[0], str(entry[1].path), entry[1].symbol.start))
    classes = {(one.path, one.symbol.name) for _, one in best if one.symbol.kind == "class"}
    return [
        _snippet(one, elsewhere.members(one.path, one.symbol.name), score, shown, elsewhere.is_open(one.path))
        for score, one in best
        if (one.path, one.symbol.owner) not in classes
    ]


def meant(found: Sequence[Defined], imports: Sequence[str], own: Path | None) -> tuple[float, Defined] | None:
    """Return which definition of a name is meant, and how sure that is; None if it can't be told."""
    if not found:
        return None
    rated = sorted(
        ((_evidence(one, imports, own), one) for one in found),
        key=lambda entry: (-entry[0], str(entry[1].path), entry[1].symbol.start),
    )
    evidence, one = rated[0]
    places = {(entry.path, entry.symbol.owner) for entry in found}
    if evidence < 1 and (len(places) > MOST_ALIKE or (one.symbol.owner and len(places) > 1)):
        return None
    return min(1.0, (0.4 + 0.3 * evidence) / (1 if evidence >= 1 else len(places))), one


def _evidence(one: Defined, imports: Sequence[str], own: Path | None) -> float:
    """Return how much speaks for a definition: imports that name it or its file, and nearness."""
    stem = one.path.stem if one.path.stem not in ("__init__", "index", "mod", "lib") else one.path.parent.name
    name = one.symbol.owner or one.symbol.name
    evidence = 0.0
    for text in imports:
        words = _words(text)
        of_module, of_name = stem in words, name in words
        evidence = max(evidence, 2.0 if of_module and of_name else 1.0 if of_module or of_name else 0.0)
    if own and one.path.parent == own.parent:
        evidence += 0.5
    elif own:
        evidence += 0.3 * nearness(one.path, own)
    if "test" in str(one.path) and own and "test" not in str(own):
        evidence -= 1.0
    return evidence + (0.2 if one.symbol.kind == "class" else 0.0)


@lru_cache(1000)
def _words(text: str) -> frozenset[str]:
    """Return the words of an import; those of a path count with their dashes as well."""
    return frozenset((*_IDENTIFIER.findall(text), *_PATH_PART.findall(text)))


def _snippet(one: Defined, members: Iterable[Defined], score: float, shown: Shown, is_open: bool) -> Snippet:
    path, symbol = shown(one.path), one.symbol
    text = _class(one, list(members)) if symbol.kind == "class" else stub(symbol)
    if symbol.owner and symbol.kind != "class":
        text = f"{_comment(one.language, symbol.owner)}\n{text}"
    return Snippet(
        Part.DEFINITIONS,
        path,
        comment(one.language) or ("#", ""),
        f"{path}:{symbol.owner}.{symbol.name}",
        text,
        round(score, 4),
        "open buffer" if is_open else "index",
        symbol.name,
    )


def _class(one: Defined, members: list[Defined]) -> str:
    """Return a class as its signature, its fields and the signatures of its methods."""
    signature = one.symbol.signature
    # The private ones are of least use from elsewhere; fields come before methods.
    public = [
        each for each in members if not each.symbol.name.startswith("_") or each.symbol.name == "__init__"
    ]
    lines: list[str] = []
    room = MEMBERS_LENGTH
    for each in sorted(public, key=lambda each: (each.symbol.kind != "field", each.symbol.start)):
        text = stub(each.symbol)
        if len(text) <= room:
            lines += ["    " + line for line in text.split("\n")]
            room -= len(text)
    if not lines:
        return stub(one.symbol)
    if signature.endswith(":"):
        return "\n".join([signature, *lines])
    return "\n".join([signature.removesuffix("{").rstrip() + " {", *lines, "}"])


def _comment(language: str, text: str) -> str:
    opening, closing = comment(language) or ("#", "")
    return " ".join(part for part in (opening, text, closing) if part)
