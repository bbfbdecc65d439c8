"""What a text defines, imports and refers to, read from its syntax tree by the queries in ``queries/``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tree_sitter import Node, Query, QueryCursor, Tree

from slm_lsp.context import grammars

_FILES = {
    "cpp": ("c", "cpp"),
    "javascript": ("javascript", "jsx"),
    "javascriptreact": ("javascript", "jsx"),
    "jsonc": ("json",),
    "typescriptreact": ("typescript", "jsx"),
}
"""Query files of a language; where nothing is said, the one of its name."""

STEP = 32_768
"""Bytes that are queried in one go. The interpreter's lock is held meanwhile, and the event loop waits."""

LONGEST = 240
"""Characters of a signature."""

_WRAPPERS = frozenset(
    (
        *("decorated_definition", "export_statement", "lexical_declaration", "template_declaration"),
        *("variable_declaration",),
    )
)
"""Nodes around a definition that its signature begins with."""

_NAME = re.compile(r"[A-Za-z_]\w+")
_SPACE = re.compile(r"\s+")
_OPENED, _CLOSED = re.compile(r"(?<=[(\[{]) (?=\S)"), re.compile(r",? (?=[)\]])")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition.

    `kind` is ``class``, ``function``, ``field``, ``value`` or ``scope`` (see ``queries/README.md``);
    `owner` is the name of the class that it is a member of, or "". Lines count from 0; it ends on line
    `end`, and its body, if it has one, begins on line `body`. A `local` one can't be used from elsewhere.
    `signature` is one line of code, behind lines of decorators; `doc` is a docstring's first line.
    """

    name: str
    kind: str
    owner: str
    signature: str
    start: int
    end: int
    body: int | None = None
    local: bool = False
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it stands, on lines `start` to `end`, counted from 0."""

    start: int
    end: int
    text: str

    @property
    def names(self) -> list[str]:
        """The words of it, modules and keywords included."""
        return _NAME.findall(self.text)


@dataclass(frozen=True, slots=True)
class Outline:
    """The definitions and imports of a text, each in their order."""

    symbols: tuple[Symbol, ...] = ()
    imports: tuple[Import, ...] = ()


def outline(language: str, tree: Tree, source: bytes) -> Outline:
    """Return what a text, parsed from `source`, defines and imports.

    Raises:
        KeyError: the language has no grammar.
    """
    imports: dict[int, Node] = {}
    found: dict[tuple[int, str], _Definition] = {}
    for captures in _matches(_query(language, references=False), tree.root_node, len(source)):
        if "import" in captures:
            node = captures["import"][0]
            imports[node.start_byte] = node
        elif definition := _Definition.of(captures, source):
            key = definition.outer.start_byte, definition.name
            # `const f = () => 1` is a value as well; what has a body says more.
            if key not in found or (definition.body and not found[key].body):
                found[key] = definition
    # What encloses comes before what is enclosed.
    ordered = sorted(found.values(), key=lambda one: (one.node.start_byte, -one.node.end_byte))
    return Outline(
        tuple(_symbols(ordered, source)), tuple(_import(imports[at], source) for at in sorted(imports))
    )


def references(language: str, tree: Tree, source: bytes, start: int, end: int) -> list[tuple[str, int]]:
    """Return the names that bytes `start` to `end` of a text refer to, each with the line that it is on.

    Raises:
        KeyError: the language has no grammar.
    """
    cursor = QueryCursor(_query(language, references=True))
    cursor.set_byte_range(start, end)
    nodes = cursor.captures(tree.root_node).get("reference", [])
    return [
        (_text(node, source), node.start_point.row)
        for node in sorted(nodes, key=lambda node: node.start_byte)
        if start <= node.start_byte < end
    ]


@cache
def _query(language: str, references: bool) -> Query:
    """Compile a language's patterns: those of references, or all the others."""
    folder = files(__package__) / "queries"
    names = _FILES.get(language, (language,))
    text = "\n".join((folder / f"{name}.scm").read_text("utf-8") for name in names)
    query, source = Query(grammars.grammar(language), text), text.encode()
    for index in range(query.pattern_count):
        pattern = source[query.start_byte_for_pattern(index) : query.end_byte_for_pattern(index)]
        if (b"@reference" in pattern) != references:
            query.disable_pattern(index)
    return query


def _matches(query: Query, root: Node, size: int) -> Iterator[dict[str, list[Node]]]:
    """Yield what each match captured; a match that lies across the end of a step comes more than once."""
    cursor = QueryCursor(query)
    for start in range(0, size, STEP):
        cursor.set_byte_range(start, start + STEP)
        for _, captures in cursor.matches(root):
            yield captures


@dataclass(slots=True)
class _Definition:
    """A match of one pattern of definitions, before its place among the others is known."""

    node: Node
    kind: str
    name: str
    owner: str
    body: Node | None

    @classmethod
    def of(cls, captures: dict[str, list[Node]], source: bytes) -> "_Definition | None":
        """Return the definition that was captured, if it has a name."""
        tag = next((tag for tag in captures if tag.startswith("definition.")), None)
        if tag is None or not (name := _text(captures["name"][0], source).strip("'\": ")):
            return None
        owner = _text(captures["owner"][0], source) if "owner" in captures else ""
        body = captures["body"][0] if "body" in captures else None
        return cls(captures[tag][0], tag.removeprefix("definition."), name, owner, body)

    @property
    def outer(self) -> Node:
        """The node that the signature begins with: decorators, `export` and the like stand around it."""
        node = self.node
        while node.parent and node.parent.type in _WRAPPERS:
            node = node.parent
        return node


def _symbols(ordered: list[_Definition], source: bytes) -> Iterator[Symbol]:
    open_: list[_Definition] = []
    fields: set[tuple[str, str]] = set()
    for one in ordered:
        while open_ and open_[-1].node.end_byte <= one.node.start_byte:
            open_.pop()
        classes = [around for around in open_ if around.kind in ("class", "scope")]
        owner = one.owner or (classes[-1].name if classes else "")
        local = any(around.kind == "function" for around in open_)
        if one.kind == "field":
            # A field is given a value in many places; the first is where it is declared, for the most part.
            local = False
            if (owner, one.name) in fields:
                continue
            fields.add((owner, one.name))
        yield Symbol(
            name=one.name,
            kind=one.kind,
            owner=owner,
            signature=_signature(one, source),
            start=one.outer.start_point.row,
            end=one.node.end_point.row,
            body=one.body.start_point.row if one.body else None,
            local=local,
            doc=_doc(one.body, source) if one.body else "",
        )
        if one.body is not None:
            open_.append(one)


def _signature(one: _Definition, source: bytes) -> str:
    outer = one.outer
    # Decorators keep their lines; everything else becomes one.
    decorators = [_text(child, source) for child in outer.children if child.type == "decorator"]
    start = outer.start_byte
    if decorators:
        start = one.node.start_byte
    end = one.body.start_byte if one.body else one.node.end_byte
    text = source[start:end].decode(errors="replace")
    text = _CLOSED.sub("", _OPENED.sub("", _SPACE.sub(" ", text).strip()))
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    return "\n".join([*(line for line in decorators if len(line) < LONGEST and "\n" not in line), text])


def _doc(body: Node, source: bytes) -> str:
    """Return the first line of a docstring that a body begins with, as only Python's do."""
    string: Node | None = body
    for type_ in ("expression_statement", "string"):
        if string and string.type != type_:
            string = string.named_child(0) if string.named_child_count else None
    if body.type != "block" or string is None or string.type != "string":
        return ""
    return _text(string, source).lstrip("rRuU").strip("'\" \t\r\n").partition("\n")[0].strip()


def _import(node: Node, source: bytes) -> Import:
    text = _SPACE.sub(" ", _text(node, source)).strip()
    return Import(node.start_point.row, node.end_point.row, text)


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode(errors="replace")
