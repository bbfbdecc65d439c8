"""Compiled functions: right, kept for the next process, and made anew where what is kept is not whole."""

from pathlib import Path

import pytest

from slm_lsp.native import code
from slm_lsp.native.code import Source, compiled
from slm_lsp.native.jit import jit


@jit
def difference(one: int, other: int) -> int:
    return one - other


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLM_LSP_CACHE", str(tmp_path))
    return tmp_path / "kernels"


def made(folder: Path, *, brief: bool = False) -> tuple[int, bool]:
    """What the function returns, and whether it had to be compiled."""
    told: list[bool] = []
    source = Source(folder, lambda: difference, 2, brief)
    return compiled(source, lambda: told.append(True))(2**40, -5), bool(told)


@pytest.mark.parametrize("brief", [False, True])
def test_a_function_is_compiled_once(cache: Path, tmp_path: Path, brief: bool) -> None:
    assert made(tmp_path, brief=brief) == (2**40 + 5, True)
    assert made(tmp_path, brief=brief) == (2**40 + 5, False)
    (file,) = cache.glob("*.o")
    assert file.parent.stat().st_mode & 0o077 == 0


def test_what_is_not_whole_is_compiled_anew(cache: Path, tmp_path: Path) -> None:
    made(tmp_path)
    (file,) = cache.glob("*.o")
    whole = file.read_bytes()
    for torn in (b"", whole[:-1], whole[:40], whole[:100] + b"\xff" + whole[101:]):
        file.write_bytes(torn)
        assert made(tmp_path) == (2**40 + 5, True)
        assert file.read_bytes() == whole


def test_another_source_is_another_function(cache: Path, tmp_path: Path) -> None:
    for number in range(code.KEPT + 2):
        (tmp_path / "source.py").write_text(str(number))
        assert made(tmp_path)[1]
    assert len(list(cache.glob("*.o"))) == code.KEPT


def test_a_folder_that_cannot_be_written_costs_a_compile(cache: Path, tmp_path: Path) -> None:
    cache.touch()
    assert [made(tmp_path), made(tmp_path)] == [(2**40 + 5, True)] * 2


def test_where_nothing_can_be_kept_it_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SLM_LSP_CACHE", str(tmp_path / "file"))
    assert made(tmp_path) == (2**40 + 5, True)
