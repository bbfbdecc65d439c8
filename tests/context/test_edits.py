import random

from hypothesis import given, settings
from hypothesis import strategies as st

from slm_lsp.context.edits import KEPT, Edit, RecentEdits
from slm_lsp.text.document import Change, Document, Span

URI = "file:///a.py"


class Typist:
    """Edits documents and remembers it."""

    def __init__(self, **texts: str) -> None:
        self.recent = RecentEdits()
        self.documents = {
            name: Document(f"file:///{name}.py", "python", 1, text) for name, text in texts.items()
        }

    def edit(self, name: str, text: str, *span: int) -> None:
        document = self.documents[name]
        edits = document.apply([Change(text, Span(*span))], document.version + 1)
        self.recent.note(document.uri, edits)

    def latest(self) -> list[Edit]:
        return self.recent.latest([one.snapshot() for one in self.documents.values()])


TEN = "".join(f"line {index}\n" for index in range(10))


def test_keys_typed_on_a_line_are_one_edit() -> None:
    typist = Typist(a=TEN)
    for at, key in enumerate("abc"):
        typist.edit("a", key, 3, at, 3, at)
    (edit,) = typist.latest()
    assert (edit.first, edit.removed, edit.inserted) == (3, ("line 3\n",), ("abcline 3\n",))


def test_neighbouring_lines_are_one_edit_and_far_ones_two() -> None:
    typist = Typist(a=TEN)
    typist.edit("a", "x", 2, 0, 2, 0)
    typist.edit("a", "y", 3, 0, 3, 0)
    typist.edit("a", "z", 8, 0, 8, 0)
    assert [(edit.first, edit.inserted) for edit in typist.latest()] == [
        (8, ("zline 8\n",)),
        (2, ("xline 2\n", "yline 3\n")),
    ]


def test_an_edit_moves_with_the_lines_above_it() -> None:
    typist = Typist(a=TEN)
    typist.edit("a", "x", 7, 0, 7, 0)
    typist.edit("a", "new\nlines\n", 1, 0, 1, 0)
    assert {(edit.first, edit.inserted[0]) for edit in typist.latest()} == {(9, "xline 7\n"), (1, "new\n")}


def test_what_was_undone_is_no_edit() -> None:
    typist = Typist(a=TEN)
    typist.edit("a", "x", 2, 0, 2, 0)
    typist.edit("a", "", 2, 0, 2, 1)
    assert typist.latest() == []


def test_white_space_alone_and_long_pastes_are_not_shown() -> None:
    typist = Typist(a=TEN, b=TEN)
    typist.edit("a", "    ", 2, 0, 2, 0)
    typist.edit("b", TEN * 5, 2, 0, 2, 0)
    assert typist.latest() == []


def test_a_paste_is_an_edit() -> None:
    typist = Typist(a=TEN)
    typist.edit("a", "def f():\n    return 1\n", 4, 0, 4, 0)
    (edit,) = typist.latest()
    assert (edit.removed, edit.inserted) == ((), ("def f():\n", "    return 1\n"))


def test_only_the_last_edits_are_kept_and_those_of_closed_documents_are_not() -> None:
    typist = Typist(a="x\n\n\n" * 30, b="y\n")
    typist.edit("b", "x", 0, 0, 0, 0)
    for line in range(0, 90, 3):
        typist.edit("a", "z", line, 0, line, 0)
    assert len(typist.latest()) == KEPT
    typist.recent.forget("file:///a.py")
    assert typist.latest() == []


@given(st.integers(0, 100_000))
@settings(deadline=None)
def test_undoing_every_edit_gives_the_first_text(seed: int) -> None:
    rng, text = random.Random(seed), "".join(f"{index}\n" for index in range(12))
    typist = Typist(a=text)
    for _ in range(rng.randint(1, KEPT)):
        line = rng.randrange(12)
        new = "".join(rng.choice("abc") + rng.choice(("\n", "")) for _ in range(rng.randint(0, 3)))
        typist.edit("a", new, line, rng.randrange(3), line + rng.randint(0, 2), rng.randrange(3))
    lines = list(typist.documents["a"].snapshot().lines)
    hunks = sorted(typist.recent._hunks, key=lambda hunk: hunk.first, reverse=True)
    for hunk in hunks:
        lines[hunk.first : hunk.first + hunk.count] = hunk.removed
    assert "".join(lines) == text
