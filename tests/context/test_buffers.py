import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_lsp.context import grammars
from slm_lsp.context.buffers import Buffers
from slm_lsp.text.document import Change, Document, Span
from slm_lsp.text.positions import Encoding

URI = "file:///a.py"


@pytest.fixture
def buffers() -> Iterator[Buffers]:
    made = Buffers()
    yield made
    made.shut_down()


def sexp(buffers: Buffers, document: Document) -> tuple[str, str]:
    """The tree that followed the edits, and the one of the same text parsed anew."""
    buffers.settle()
    parsed = buffers.get(document.uri)
    assert parsed
    assert parsed.tree
    assert parsed.snapshot == document.snapshot()
    anew = grammars.parser(document.language).parse("".join(document.snapshot().lines).encode())
    return str(parsed.tree.root_node), str(anew.root_node)


PIECES = (
    "def f(a):\n",
    "    return a\n",
    "x = '😀é'\n",
    "\n",
    "(",
    ")",
    "'''",
    "\r\n",
    "\r",
    "class A:\n",
    "    ",
)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_a_tree_that_followed_edits_is_that_of_the_text(seed: int) -> None:
    rng, buffers = random.Random(seed), Buffers()
    try:
        text = "".join(rng.choice(PIECES) for _ in range(30))
        document = Document(URI, "python", 1, text, encoding=Encoding.UTF16)
        buffers.open(document.snapshot())
        for version in range(2, 12):
            changes = []
            for _ in range(rng.randint(1, 3)):
                line = rng.randrange(12)
                end = line + rng.randint(0, 2)
                span = Span(line, rng.randrange(12), end, rng.randrange(12)) if rng.random() < 0.9 else None
                changes.append(Change("".join(rng.choices(PIECES, k=rng.randint(0, 4))), span))
            edits = document.apply(changes, version)
            buffers.edit(document.snapshot(), edits)
            if rng.random() < 0.5:
                followed, anew = sexp(buffers, document)
                assert followed == anew
        followed, anew = sexp(buffers, document)
        assert followed == anew
    finally:
        buffers.shut_down()


def test_the_last_good_tree_serves_until_the_next_is_there(
    buffers: Buffers, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Document(URI, "python", 1, "def f(): ...\n")
    buffers.open(document.snapshot())
    buffers.settle()
    before = buffers.get(URI)

    def fail(language: str) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(grammars, "parser", fail)
        edits = document.apply([Change("def g(): ...\n")], 2)
        buffers.edit(document.snapshot(), edits)
        buffers.settle()
    assert buffers.get(URI) is before
    assert [one.lines[0] for one in buffers.snapshots()] == ["def g(): ...\n"]
    buffers.edit(document.snapshot(), [])
    followed, anew = sexp(buffers, document)
    assert followed == anew


def test_without_a_grammar_there_is_no_tree(buffers: Buffers) -> None:
    buffers.open(Document(URI, "zig", 1, "const a = 1;\n").snapshot())
    buffers.settle()
    parsed = buffers.get(URI)
    assert parsed
    assert parsed.tree is None
    assert parsed.outline.symbols == ()


def test_closed_documents_are_forgotten(buffers: Buffers) -> None:
    document = Document(URI, "python", 1, "a = 1\n")
    buffers.open(document.snapshot())
    buffers.close(URI)
    buffers.edit(document.snapshot(), [])
    buffers.settle()
    assert buffers.get(URI) is None
    assert buffers.snapshots() == []
