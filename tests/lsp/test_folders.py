"""The session's folders: indexed with progress, followed through the client's watcher."""

from pathlib import Path
from typing import Any

import pytest

from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import Session

CAPABILITIES = {
    "window": {"workDoneProgress": True},
    "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}},
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLM_LSP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("def greet(name):\n    return name\n")
    return folder


def folders(project: Path) -> list[dict[str, str]]:
    return [{"uri": project.as_uri(), "name": "project"}]


def defined(backend: FakeBackend, name: str) -> list[Any]:
    indexers = list(backend.services[-1].contexts.workspace._indexers.values())
    return [one for indexer in indexers for one in indexer.index.definitions([name], ["python"])]


async def test_the_workspace_is_indexed_and_followed(
    client: Session, backend: FakeBackend, project: Path
) -> None:
    await client.ready(CAPABILITIES, workspaceFolders=folders(project))
    await eventually(lambda: defined(backend, "greet"))
    messages = [params["value"].get("message", "") for params in client.of("$/progress")]
    await client.until(lambda: len(client.of("$/progress")) >= len(messages))
    (registered,) = [one for one in client.requests if one["method"] == "client/registerCapability"]
    assert registered["params"]["registrations"][0]["method"] == "workspace/didChangeWatchedFiles"
    new = project / "b.py"
    new.write_text("def hail(): ...\n")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": new.as_uri(), "type": 1}]})
    await eventually(lambda: defined(backend, "hail"))
    new.unlink()
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": new.as_uri(), "type": 3}]})
    await eventually(lambda: not defined(backend, "hail"))
    await client.until(
        lambda: any(
            params["value"].get("message") == "indexing project: 1 of 1 files"
            for params in client.of("$/progress")
        )
    )


async def test_folders_come_and_go(client: Session, backend: FakeBackend, project: Path) -> None:
    await client.ready()
    event = {"event": {"added": folders(project), "removed": []}}
    client.notify("workspace/didChangeWorkspaceFolders", event)
    await eventually(lambda: defined(backend, "greet"))
    event = {"event": {"added": [], "removed": folders(project)}}
    client.notify("workspace/didChangeWorkspaceFolders", event)
    await eventually(lambda: not backend.services[-1].contexts.workspace._indexers)


async def test_nothing_is_indexed_if_the_settings_say_so(
    client: Session, backend: FakeBackend, project: Path, cache: Path
) -> None:
    await client.ready(
        CAPABILITIES, workspaceFolders=folders(project), initializationOptions={"index": False}
    )
    await eventually(lambda: backend.services[-1].contexts.workspace._trees)
    assert not backend.services[-1].contexts.workspace._indexers
    assert not (cache / "index").exists()
