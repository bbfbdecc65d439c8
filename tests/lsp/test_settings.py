import asyncio
from pathlib import Path
from typing import Any

import pytest

from slm_lsp import trust
from slm_lsp.errors import ModelNotFound
from slm_lsp.lsp import settings
from slm_lsp.paths import CACHE_VARIABLE, STATE_VARIABLE
from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import REFUSED, Session, session

CONFIGURATION = {
    "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}
}

WARNING = 2


def warnings(client: Session) -> list[str]:
    return [one["message"] for one in client.of("window/showMessage") if one["type"] == WARNING]


async def changed(client: Session, values: Any) -> None:
    """Tell the server of new settings, and let it ask for them."""
    client.answers["workspace/configuration"] = [values]
    before = len(client.requests)
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    await client.until(lambda: len(client.requests) > before)


async def test_initialization_options_are_taken(client: Session, backend: FakeBackend) -> None:
    await client.ready(initializationOptions={"model": "tiny", "maxLines": 1})
    assert [(load.model, load.max_lines) for load in backend.loads] == [("tiny", 1)]


async def test_the_workspaces_settings_lie_over_the_initialization_options(
    client: Session, backend: FakeBackend
) -> None:
    client.answers["workspace/configuration"] = [{"model": "from the workspace"}]
    await client.ready(CONFIGURATION, initializationOptions={"model": "tiny", "maxLines": 1})
    assert [(load.model, load.max_lines) for load in backend.loads] == [("from the workspace", 1)]
    (asked,) = [one for one in client.requests if one["method"] == "workspace/configuration"]
    assert asked["params"] == {"items": [{"section": "slm-lsp"}]}


async def test_the_command_lines_model_lies_over_all(backend: FakeBackend) -> None:
    async with session(backend, model="mine") as client:
        await client.ready(initializationOptions={"model": "tiny"})
    assert [load.model for load in backend.loads] == ["mine"]


@pytest.mark.parametrize("answer", [REFUSED, [], [None], None], ids=["refused", "empty", "null", "nothing"])
async def test_a_client_without_settings_gets_the_defaults(
    client: Session, backend: FakeBackend, answer: Any
) -> None:
    client.answers["workspace/configuration"] = answer
    await client.ready(CONFIGURATION)
    assert [load.model for load in backend.loads] == ["smollm2-135m"]
    assert warnings(client) == []


async def test_changes_are_followed_live(client: Session, backend: FakeBackend) -> None:
    client.answers["workspace/configuration"] = [{}]
    await client.ready(CONFIGURATION)
    await client.until(lambda: any(one["method"] == "client/registerCapability" for one in client.requests))
    (registration,) = client.requests[-1]["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeConfiguration"
    assert registration["registerOptions"] == {"section": "slm-lsp"}
    client.open("")
    assert (await client.inline().result())["items"]
    await changed(client, {"disabledLanguages": ["Python"]})
    assert (await client.inline().result())["items"] == []
    await changed(client, {"enabled": False})
    assert (await client.inline().result())["items"] == []
    await changed(client, {})
    assert (await client.inline().result())["items"]
    assert len(backend.loads) == 1


async def test_another_model_is_loaded_live(client: Session, backend: FakeBackend) -> None:
    client.answers["workspace/configuration"] = [{}]
    await client.ready(CONFIGURATION)
    await changed(client, {"model": "other"})
    await eventually(lambda: [load.model for load in backend.loads] == ["smollm2-135m", "other"])


async def test_settings_that_are_pushed_are_taken(client: Session, backend: FakeBackend) -> None:
    """Neovim sends its settings with the news, and some clients can't be asked."""
    await client.ready()
    client.open("")
    client.notify("workspace/didChangeConfiguration", {"settings": {"slm-lsp": {"enabled": False}}})
    assert (await client.inline().result())["items"] == []
    others: tuple[Any, ...] = ({"unrelated": {}}, None, [])
    for other in others:
        client.notify("workspace/didChangeConfiguration", {"settings": other})
    assert (await client.inline().result())["items"] == []


async def test_a_bad_value_is_reported_once_and_its_default_used(
    client: Session, backend: FakeBackend
) -> None:
    client.answers["workspace/configuration"] = [{"maxLines": "ten", "modle": "x"}]
    await client.ready(CONFIGURATION, initializationOptions={"maxLines": "ten", "maxTokens": 7})
    await changed(client, {"maxLines": "ten"})
    await client.status()
    assert warnings(client) == [
        "slm-lsp: `maxLines` must be a whole number from 1 to 100; 8 is used instead.",
        "slm-lsp: there is no setting `modle`; the README lists them all.",
    ]
    assert [(load.max_lines, load.max_tokens) for load in backend.loads] == [(8, 7)]


async def test_settings_that_are_no_object_are_reported(client: Session) -> None:
    await client.ready(initializationOptions=["a"])
    assert warnings(client) == ["slm-lsp: the settings must be an object, by name."]


async def test_a_client_that_does_not_answer_holds_nothing_up(
    client: Session, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is loaded with what is known, and the answer is taken when it comes."""
    monkeypatch.setattr(settings, "PATIENCE", 0.01)
    late: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    client.answers["workspace/configuration"] = late
    await client.ready(CONFIGURATION)
    assert [load.model for load in backend.loads] == ["smollm2-135m"]
    late.set_result([{"model": "late"}])
    await eventually(lambda: backend.loads[-1].model == "late")


async def test_a_model_that_cannot_be_loaded_is_reported(backend: FakeBackend) -> None:
    backend.failure = ModelNotFound("There is no model `x`; run `slm-lsp models list`.")
    async with session(backend) as client:
        await client.initialize()
        client.open("")
        await client.until(lambda: client.of("window/showMessage"))
        assert client.of("window/showMessage") == [
            {"type": 1, "message": "slm-lsp: There is no model `x`; run `slm-lsp models list`."}
        ]
        assert await client.inline().result() == {"items": []}
        why = await client.why()
        assert why
        assert why["reason"] == "the model could not be loaded; run `slm-lsp doctor`"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose own settings name a model."""
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def opened(project: Path, **options: Any) -> dict[str, Any]:
    folders = [{"uri": project.as_uri(), "name": "project"}]
    return {"workspaceFolders": folders, "initializationOptions": {"maxLines": 1, **options}}


async def test_a_workspace_that_nobody_trusts_names_no_model(
    client: Session, backend: FakeBackend, project: Path
) -> None:
    client.answers["workspace/configuration"] = [{"model": "theirs", "adapter": "theirs", "maxLines": 3}]
    await client.ready(CONFIGURATION, **opened(project, model="mine"))
    assert [(load.model, load.adapter, load.max_lines) for load in backend.loads] == [("mine", "", 3)]
    assert ["`model` is not taken" in one for one in warnings(client)] == [True, False]


@pytest.mark.parametrize("by", ["editor", "user"])
async def test_a_workspace_that_is_trusted_does(
    client: Session, backend: FakeBackend, project: Path, by: str
) -> None:
    client.answers["workspace/configuration"] = [{"model": "theirs"}]
    if by == "user":
        trust.allow(project.parent)
    options = {"trusted": True} if by == "editor" else {}
    await client.ready(CONFIGURATION, **opened(project, **options))
    assert [load.model for load in backend.loads] == ["theirs"]
    assert warnings(client) == []


async def test_where_the_editor_does_not_trust_nothing_is_taken_and_nothing_indexed(
    client: Session, backend: FakeBackend, project: Path
) -> None:
    trust.allow(project)
    client.answers["workspace/configuration"] = [{"model": "theirs", "index": True}]
    await client.ready(CONFIGURATION, **opened(project, trusted=False, model="theirs too"))
    assert [load.model for load in backend.loads] == ["smollm2-135m"]
    await eventually(lambda: backend.services[-1].contexts.workspace._trees)
    assert not backend.services[-1].contexts.workspace._indexers
    assert len(warnings(client)) == 1
