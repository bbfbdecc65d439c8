from pathlib import Path

from slm_lsp.benchmark.context import indexed


def test_the_made_up_workspace_is_indexed_and_asked(tmp_path: Path) -> None:
    found = indexed(tmp_path, 3)
    assert (found.files, found.definitions) == (3, 3 * 32)
    assert 0 < found.query[0] <= found.query[1]
    assert found.size > 0
