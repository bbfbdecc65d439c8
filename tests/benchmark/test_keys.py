from pathlib import Path

import pytest

from slm_lsp.benchmark.keys import Key, script
from slm_lsp.errors import UsageError

LEDGER = Path(__file__).parent.parent / "samples" / "ledger.py"


def typed(text: str, keys: tuple[Key, ...]) -> str:
    lines = text.split("\n")
    for key in keys:
        line = lines[key.line]
        lines[key.line : key.line + 1] = (line[: key.column] + key.text + line[key.column :]).split("\n")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_the_keys_give_the_file_back(seed: int) -> None:
    made = script(LEDGER, 8, seed)
    assert made.text.count("\n") == LEDGER.read_text("utf-8").count("\n") - 8
    assert typed(made.text, made.keys) == LEDGER.read_text("utf-8")


def test_the_same_seed_types_alike_and_at_a_persons_pace() -> None:
    keys = script(LEDGER, 8, 1).keys
    assert keys == script(LEDGER, 8, 1).keys
    assert keys != script(LEDGER, 8, 2).keys
    within = [key.pause for key in keys if "\n" not in key.text]
    assert 0.15 < sum(within) / len(within) < 0.35


@pytest.mark.parametrize("content", [b"x\n\ny\n", b"\xff\xfe"])
def test_a_file_that_can_not_be_typed_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.py"):
        script(tmp_path / "a.py", 3, 0)
