"""The file itself, beyond what is seen of it."""

from pathlib import Path

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.own import FOREIGN, IMPORT, MEMBER, OUTLINE, SCOPE, pieces
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Piece

OURS = {"Base"}
TEXT = '''import csv
from pathlib import Path
from shop.base import Base


def helper(path: Path) -> int:
    return 1


@frozen
class Till(Base):
    """What the shop took in."""

    total: int = 0

    def open(self, key: str) -> bool:
        return True

    def close(self) -> None:
        """End the day."""
        for one in self.all():
            one.stop()
            # here
'''


def of(text: str, line: int, language: str = "python") -> dict[int, list[Piece]]:
    found: dict[int, list[Piece]] = {SCOPE: [], IMPORT: [], MEMBER: [], FOREIGN: [], OUTLINE: []}
    snapshot = Snapshot("file:///a", language, 1, tuple(split(text)), Path("/a"))
    for one in pieces(Parsed.of(snapshot), line, OURS):
        found[one.rank].append(one)
    return found


def test_imports_scopes_members_and_the_rest_are_told_apart() -> None:
    found = of(TEXT, 21)
    assert [one.text for one in found[IMPORT]] == ["from shop.base import Base\n"]
    assert [one.text for one in found[FOREIGN]] == ["import csv\n", "from pathlib import Path\n"]
    till, close = found[SCOPE]
    assert till.text == '@frozen\nclass Till(Base):\n    """What the shop took in."""\n'
    assert close.text == '    def close(self) -> None:\n        """End the day."""\n'
    assert [one.text for one in found[MEMBER]] == [
        "    total: int = 0\n",
        "    def open(self, key: str) -> bool: ...\n",
    ]
    assert {one.under for one in found[MEMBER]} == {till.first}
    assert [one.text for one in found[OUTLINE]] == ["def helper(path: Path) -> int: ...\n"]


def test_at_the_top_level_there_is_no_scope() -> None:
    found = of(TEXT, 2)
    assert found[SCOPE] == found[MEMBER] == []
    assert [one.first for one in found[OUTLINE]][:2] == [5, 9]


def test_braces_stay_balanced_in_an_outline() -> None:
    text = "package a\n\nfunc One(x int) int {\n\treturn x\n}\n\nfunc Two() {\n\tOne(1)\n}\n"
    found = of(text, 7, "go")
    assert [one.text for one in found[OUTLINE]] == ["func One(x int) int { … }\n"]
    assert [one.text for one in found[SCOPE]] == ["func Two() {\n"]


def test_without_a_grammar_there_is_nothing_to_tell() -> None:
    assert of("whatever { }\n", 0, "brainfuck") == {
        SCOPE: [],
        IMPORT: [],
        MEMBER: [],
        FOREIGN: [],
        OUTLINE: [],
    }
