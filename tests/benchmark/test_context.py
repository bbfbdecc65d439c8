from pathlib import Path

import pytest

from slm_lsp.benchmark.context import growth, indexed
from slm_lsp.cli.bench.context import context
from slm_lsp.errors import UsageError


def test_the_made_up_workspace_is_indexed_and_asked(tmp_path: Path) -> None:
    found = indexed(tmp_path, 3)
    assert (found.files, found.definitions) == (3, 3 * 32)
    assert 0 < found.query[0] <= found.query[1]
    assert found.size > 0


def test_growth_is_the_power_of_the_size() -> None:
    assert growth([(10, 3.0), (1000, 300.0)]) == pytest.approx(1)
    assert growth([(10, 1.0), (100, 100.0), (1000, 10_000.0)]) == pytest.approx(2)


@pytest.mark.parametrize("text", ["", "10,x", "0"])
def test_sizes_that_are_none_are_bad_usage(text: str) -> None:
    with pytest.raises(UsageError, match="--files must be numbers"):
        context(text)
