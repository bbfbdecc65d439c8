"""The direction of dependencies, read from every import in the package, those inside functions included.

``cli -> lsp -> completion -> {context, prompt, engine, models}``, ``prompt -> tokens``, ``models ->
tokens``, and ``errors``, ``cancel``, ``config``, ``native``, ``network``, ``paths``, ``secrecy``, ``text``
and ``trust`` below all of them. ``tuning`` makes adapters for what ``completion`` runs, and serving does
without it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "slm_lsp"

ROOT = {"__version__"}
"""What may be taken from the package itself."""

LEAVES = {"errors", "cancel", "config", "native", "network", "paths", "secrecy", "text", "trust"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "cancel": set(),
    "text": set(),
    "secrecy": set(),
    "network": set(),
    "trust": {"errors", "paths"},
    "config": {"errors"},
    "paths": {"errors"},
    "native": {"errors", "paths"},
    "engine": LEAVES,
    "tokens": LEAVES | {"engine.interface"},
    "models": LEAVES | {"tokens"},
    "prompt": LEAVES | {"tokens"},
    "context": LEAVES,
    "memory": LEAVES | {"tokens", "engine.interface", "engine.mixing"},
    "completion": LEAVES | {"context", "memory", "prompt", "tokens", "engine", "models"},
    "tuning": LEAVES
    | {"completion", "context", "prompt", "tokens", "engine", "models", "evaluation.compare"},
    "evaluation": LEAVES | {"completion", "context", "engine", "memory", "tokens"},
    "benchmark": LEAVES | {"completion", "context", "memory", "prompt", "tokens", "engine", "models"},
    "proof": LEAVES | {"benchmark"},
    "statistics": LEAVES,
    "lsp": LEAVES | {"completion", "statistics"},
    "cli": LEAVES
    | {
        "benchmark",
        "proof",
        "lsp",
        "statistics",
        "evaluation",
        "tuning",
        "completion",
        "context",
        "memory",
        "prompt",
        "tokens",
        "engine",
        "models",
    },
    "__main__": {"cli", "network"},
}
"""What each part may import of the others; a part may always import itself."""

ONLY_IN: dict[str, set[str]] = {
    "pygls": {"lsp"},
    "lsprotocol": {"lsp"},
    "torch": {"benchmark", "engine", "evaluation", "tuning"},
    "numba": {"engine", "native"},
    "llvmlite": {"engine", "native"},
    "tokenizers": {"tokens"},
    "transformers": {"benchmark", "engine", "tokens", "tuning"},
    "tree_sitter": {"context", "tuning"},
    "httpx": {"engine", "models"},
    "keyring": {"engine"},
    "typer": {"cli"},
    "rich": {"cli"},
}
"""The parts that may import a library."""


def imports(path: Path) -> Iterator[str]:
    """Yield the full dotted name of everything that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Call) and _called(node) == "import_module":
            yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_point_one_way(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        assert [name for name in imports(path) if name.startswith("slm_lsp")] == []
        return
    assert part in MAY_IMPORT, f"{part} has no place in the layers yet"
    allowed = MAY_IMPORT[part] | {part}
    for name in imports(path):
        root, _, inner = name.partition(".")
        if root != "slm_lsp" or inner in ROOT:
            continue
        assert any(f"{inner}.".startswith(f"{one}.") for one in allowed), f"{part} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_in_their_place(path: Path) -> None:
    for name in imports(path):
        parts = ONLY_IN.get(name.partition(".")[0].split("_language")[0])
        assert parts is None or part_of(path) in parts, f"{path}: {name}"
