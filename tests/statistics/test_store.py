from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slm_lsp.errors import SlmLspError
from slm_lsp.statistics.store import Count, Store

ONE = Count("2026-11-23", "python", "shown")


def test_counts_add_up_over_servers_that_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Store(path).add({ONE: 2}), range(20)))
    assert Store(path).read() == {ONE: 40}


def test_nothing_was_counted_yet(tmp_path: Path) -> None:
    assert Store(tmp_path / "a.sqlite").read() == {}
    assert not (tmp_path / "a.sqlite").exists()


def test_a_reset_forgets_everything(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")
    store.add({ONE: 1})
    store.reset()
    assert store.read() == {}


def test_a_broken_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(SlmLspError, match="stats --reset"):
        Store(tmp_path / "a.sqlite").read()
