"""What is on disk is damaged, gone, full or shared: completion goes on, and nothing of the user's is lost."""

import asyncio
import errno
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from slm_lsp.completion.remembering import WorkspaceMemory
from slm_lsp.context.index import Index
from slm_lsp.context.index_file import damaged, location
from slm_lsp.context.indexer import Indexer
from slm_lsp.context.workspace import Workspace
from slm_lsp.errors import SlmLspError
from slm_lsp.lsp import statistics
from slm_lsp.paths import CACHE_VARIABLE, STATE_VARIABLE, index_dir, state_dir
from slm_lsp.statistics.store import NAME, Count, Store
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.lsp.fakes import eventually
from tests.lsp.harness import Session, session
from tests.reliable.conftest import Tried
from tests.reliable.scripted import LINE, ScriptedBackend
from tests.tokenizers import tokenizer

TEXT = "total = "
FUNCTION = "def greet(name: str) -> str:\n    return name\n"
COUNT = Count("2026-01-01", "python", "shown")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file in it; the cache and state folders are the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text(FUNCTION)
    return folder


@pytest.fixture
def indexer(project: Path) -> Iterator[Indexer]:
    file = location(index_dir(), project)
    made = Indexer(Index(file, project), file.with_suffix(".lock"), watched=True)
    made.start()
    assert made.wait(20)
    yield made
    made.close()


def knows(indexer: Indexer, name: str) -> bool:
    return bool(indexer.index.definitions([name], ["python"]))


def spoil(file: Path) -> None:
    """Write over all of a database but its first page, as a failing disk would."""
    for part in (file, file.with_name(f"{file.name}-wal")):
        if part.exists():
            size = part.stat().st_size
            with part.open("r+b") as opened:
                opened.seek(min(4096, size))
                opened.write(b"\x5a" * max(0, size - 4096))


async def test_an_index_that_is_damaged_while_it_is_used(
    project: Path, indexer: Indexer, tried: Tried
) -> None:
    indexer.index.renew()  # a checkpoint: all of it is in the file
    indexer.changed(project / "a.py")
    assert indexer.wait(20)
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    indexer.failed(damage)
    await eventually(lambda: knows(indexer, "greet"))
    (project / "b.py").write_text("def later() -> None: ...\n")
    indexer.changed(project / "b.py")
    assert indexer.wait(20)
    assert knows(indexer, "later")
    tried("the index is damaged while serving", 1, "made anew in the background; suggestions go on")


def test_an_index_that_was_damaged_between_sessions(project: Path, tried: Tried) -> None:
    file = location(index_dir(), project)
    first = Indexer(Index(file, project), file.with_suffix(".lock"), watched=True)
    first.start()
    assert first.wait(20)
    first.close()
    kinds = (b"", b"no database" * 1000, file.read_bytes()[:5000])
    for content in kinds:
        file.write_bytes(content)
        again = Indexer(Index(file, project), file.with_suffix(".lock"), watched=True)
        again.start()
        assert again.wait(20)
        assert knows(again, "greet")
        again.close()
    spoil(file)
    again = Indexer(Index(file, project), file.with_suffix(".lock"), watched=True)
    again.start()
    again.wait(20)
    again.changed(project / "a.py")
    again.wait(20)
    assert again._thread.is_alive()
    assert knows(again, "greet")
    again.close()
    tried("the index file is damaged at the start", 1 + len(kinds), "made anew; suggestions go on")


def test_an_index_that_another_server_writes_is_not_thrown_away(project: Path, indexer: Indexer) -> None:
    file = location(index_dir(), project)
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")
    before = file.stat().st_ino
    second = Index(file, project)
    second.close()
    other.rollback()
    other.close()
    assert file.stat().st_ino == before
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert not damaged(busy)


async def test_an_index_whose_disk_is_full(
    project: Path,
    indexer: Indexer,
    tried: Tried,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit on the size of files stands for the full disk: SQLite sees a write that fails."""
    monkeypatch.setattr("slm_lsp.context.indexer.AGAIN", 0.02)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (project / "b.py").write_text("".join(f"def f{at}(): pass\n" for at in range(500)))
    largest = max(file.stat().st_size for file in index_dir().iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 4096, hard))
    try:
        indexer.changed(project)
        await eventually(lambda: caplog.messages)
        assert knows(indexer, "greet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await eventually(lambda: knows(indexer, "f499"))
    assert len(caplog.messages) == 1
    assert "is left as it is for now" in caplog.text
    tried("the cache folder's disk is full", 1, "the index stays as it was, one warning; followed up later")


@pytest.mark.parametrize("how", ["a file stands there", "read-only"])
async def test_a_cache_folder_that_can_not_be_used(
    project: Path, tmp_path: Path, how: str, tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so read-only is a system call that refuses."""
    if how == "read-only":

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr(Path, "mkdir", refuse)
        monkeypatch.setattr(Path, "touch", refuse)
    else:
        (tmp_path / "cache").write_text("")
        (tmp_path / "state").write_text("")
    async with session(ScriptedBackend()) as client:
        await client.ready(rootUri=project.as_uri())
        await suggests(client)
        assert client.of("window/showMessage") == []
    tried(f"the cache and state folders: {how}", 1, "no index, statistics wait, one warning each; completes")


async def test_the_cache_folder_is_deleted_while_serving(project: Path, tmp_path: Path, tried: Tried) -> None:
    async with session(ScriptedBackend()) as client:
        await client.ready(rootUri=project.as_uri())
        await suggests(client)
        for name in ("cache", "state"):
            for file in sorted((tmp_path / name).rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            (tmp_path / name).rmdir()
        (project / "b.py").write_text(FUNCTION)
        change = {"uri": (project / "b.py").as_uri(), "type": 1}
        client.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
        await suggests(client, "file:///project/b.py")
    assert Store().read()  # what was counted is there after all
    tried("the cache and state folders are deleted while serving", 1, "made again; nothing counted is lost")


async def suggests(client: Session, uri: str = "file:///project/a.py") -> None:
    client.open(TEXT, uri)
    (item, *_) = (await client.inline(0, len(TEXT), uri).result())["items"]
    assert item["insertText"] == LINE


def test_statistics_that_are_damaged_are_put_aside(project: Path, tried: Tried) -> None:
    store = Store()
    store.add({COUNT: 1})
    store.path.write_bytes(b"no database" * 1000)
    store.add({COUNT: 5})
    assert store.read() == {COUNT: 5}
    assert (state_dir() / f"{NAME}.damaged").read_bytes().startswith(b"no database")
    tried(
        "the statistics file is damaged", 1, "put aside as `statistics.sqlite.damaged`; counting begins anew"
    )


async def test_statistics_wait_until_they_can_be_written(
    project: Path, tried: Tried, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(statistics, "EVERY", 0.002)
    full, add = True, Store.add

    def fails(self: Store, counts: dict[Count, int]) -> None:
        if full:
            raise SlmLspError("the disk is full")
        add(self, counts)

    monkeypatch.setattr(Store, "add", fails)
    kept = statistics.Statistics(lambda uri: None, Store())
    kept.start()
    kept.typed("python", 7)
    await eventually(lambda: caplog.messages)
    await asyncio.sleep(0.02)
    kept.typed("python", 3)
    full = False
    await eventually(lambda: Store().read())
    kept.stop()
    assert [(one.name, value) for one, value in Store().read().items()] == [("characters typed", 10)]
    assert caplog.messages == ["statistics wait to be written: the disk is full"]
    tried("the statistics' disk is full, and free again", 1, "one warning; counts are written later")


@pytest.fixture
def remembering(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], WorkspaceMemory]]:
    """What ends the session before, and begins one whose memory is written after every file."""
    monkeypatch.setattr("slm_lsp.completion.following.SAVED_AFTER", 0)
    ends = list[Callable[[], None]]()

    def begin() -> WorkspaceMemory:
        while ends:
            ends.pop()()
        workspace = Workspace()
        workspace.index(project, index_dir(), watched=True)
        workspace.settle()
        memory = WorkspaceMemory(workspace, index_dir())
        ends.extend((memory.shut_down, workspace.shut_down))
        memory.settle(VOCABULARY, 1)
        return memory

    yield begin
    while ends:
        ends.pop()()


VOCABULARY = Vocabulary(tokenizer("smollm"))


def remembers(memory: WorkspaceMemory) -> bool:
    """Whether what stands in the project's file is said to come next in another."""
    before = "def greet(name:"
    document = Snapshot("file:///new.py", "python", 1, (before,), None)
    last = VOCABULARY.encode(before)
    return memory.at(VOCABULARY, document, before, "", last, 1).recalled([]) is not None


@pytest.mark.parametrize("harm", ["cut short", "overwritten", "gone"])
def test_a_memory_that_is_damaged_while_serving_and_between_sessions(
    remembering: Callable[[], WorkspaceMemory], harm: str, tried: Tried
) -> None:
    remembering()
    (file,) = index_dir().glob("*.memory")
    size = file.stat().st_size
    while_serving = remembering()
    if harm == "cut short":
        os.truncate(file, 100)
    elif harm == "overwritten":
        file.write_bytes(b"\x5a" * size)
    else:
        file.unlink()
    assert remembers(while_serving)
    assert remembers(remembering())
    assert file.stat().st_size == size
    tried(
        f"the memory on disk is {harm}", 2, "a session goes on with what it has read; the next makes it anew"
    )


def test_a_memory_whose_disk_is_full(
    project: Path,
    remembering: Callable[[], WorkspaceMemory],
    tried: Tried,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembering()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("slm_lsp.memory.disk.save", full)
        (project / "b.py").write_text("def later() -> None: ...\n")
        memory = remembering()
        assert remembers(memory)
    (message,) = caplog.messages
    assert "No space left" in message
    assert remembers(remembering())
    tried("the memory's disk is full", 1, "it stays as it was, with a warning; suggestions go on")


@pytest.fixture
async def two(project: Path) -> AsyncIterator[tuple[Session, Session]]:
    async with session(ScriptedBackend()) as first, session(ScriptedBackend()) as second:
        yield first, second


async def test_two_servers_on_one_cache_folder(
    project: Path, two: tuple[Session, Session], tried: Tried
) -> None:
    for client in two:
        await client.ready(rootUri=project.as_uri())
    for turn in range(10):
        for client in two:
            await suggests(client, f"file:///project/{turn}.py")
    for client in two:
        assert await client.leave() == 0
    counts = Store().read()
    assert sum(value for one, value in counts.items() if one.name == "shown") == 20
    assert knows_greet(project)
    tried("two servers on one cache folder", 20, "one keeps the index, both use it; both count")


def knows_greet(project: Path) -> bool:
    index = Index(location(index_dir(), project), project)
    found = index.definitions(["greet"], ["python"])
    index.close()
    return bool(found)


def test_a_clock_that_goes_back(project: Path, indexer: Indexer, tried: Tried) -> None:
    """A file's time of change that lies before the known one is a change as well."""
    (project / "a.py").write_text("def renamed() -> None: ...\n")
    os.utime(project / "a.py", (1, 1))
    indexer.changed(project / "a.py")
    assert indexer.wait(20)
    assert knows(indexer, "renamed")
    assert not knows(indexer, "greet")
    Store().add({COUNT: 1, Count("1999-12-31", "python", "shown"): 1})
    assert len(Store().read()) == 2
    tried("the clock goes back", 2, "changed files are seen, counts go to that day; waits don't use it")
