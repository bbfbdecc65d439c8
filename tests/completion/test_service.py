"""The service: one engine, the latest request wins, nobody waits for the model to load."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from slm_lsp.cancel import CancelToken
from slm_lsp.completion import warm
from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.pipeline import ALL_ON, Switches
from slm_lsp.completion.request import CompletionItem, CompletionRequest, CompletionResult, Reason
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import Loading, State
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import ModelNotFound
from slm_lsp.text.snapshot import Snapshot

PATIENCE = 20.0


def request(uri: str = "file:///a.py", language: str = "python") -> CompletionRequest:
    return CompletionRequest(Snapshot(uri, language, 1, ("a = ",)), 0, 4)


class Desk:
    """A service whose loader and pipeline wait until they are told to go on."""

    def __init__(self) -> None:
        self.may_load, self.may_run = threading.Event(), threading.Event()
        self.started = threading.Semaphore(0)
        self.failure: Exception | None = None
        self.engines: list[ScriptedEngine] = []
        self.ran: list[str] = []
        self.stopped: list[str] = []
        self.news: list[Loading] = []
        self.service = CompletionService(self.load, self.news.append, self.run)

    def load(self, settings: Settings, progress: Progress) -> LoadedModel:
        progress(0.5, "half way")
        assert self.may_load.wait(PATIENCE)
        if self.failure:
            raise self.failure
        self.engines.append(ScriptedEngine({}))
        return LoadedModel(settings.model, self.engines[-1], cast(Any, None), cast(Any, None))

    def run(
        self,
        model: LoadedModel,
        request: CompletionRequest,
        settings: Settings,
        cancel: CancelToken,
        switches: Switches = ALL_ON,
        acceptance: Acceptance = Acceptance(),  # noqa: B008 - frozen
        told: Callable[[str], None] = lambda text: None,
    ) -> CompletionResult:
        self.started.release()
        while not self.may_run.wait(0.002):
            if cancel.cancelled:
                self.stopped.append(request.document.uri)
            cancel.check()
        cancel.check()
        if request.document.language == "broken":
            raise ValueError("no")
        self.ran.append(request.document.uri)
        return CompletionResult((CompletionItem("1", "1", 4, 4),), model=model.name)

    async def ready(self) -> None:
        self.may_load.set()
        self.service.configure(Settings(ahead=False))
        await until(lambda: self.service.loading.state is not State.LOADING)

    async def begun(self) -> None:
        await asyncio.to_thread(self.started.acquire)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - polls the state, as a reader would
            await asyncio.sleep(0.002)


@pytest.fixture
def desk() -> Any:
    made = Desk()
    yield made
    made.may_load.set()
    made.may_run.set()
    made.service.close()


async def test_a_request_before_the_model_is_ready_gets_its_reason_at_once(desk: Desk) -> None:
    desk.service.configure(Settings())
    result = await desk.service.complete(request())
    assert (result.items, result.reason) == ((), Reason.LOADING)


async def test_news_of_loading_ends_with_ready(desk: Desk) -> None:
    await desk.ready()
    assert desk.news[0].state is State.LOADING
    assert desk.news[-1].state is State.READY
    assert 0.5 in [one.fraction for one in desk.news]


async def test_a_model_that_can_not_be_loaded_says_what_to_do(desk: Desk) -> None:
    desk.failure = ModelNotFound("it is not here; run `slm-lsp models pull`")
    await desk.ready()
    assert desk.news[-1] == Loading(State.FAILED, 0.0, "it is not here; run `slm-lsp models pull`")
    assert (await desk.service.complete(request())).reason is Reason.NO_MODEL


async def test_a_model_that_was_mended_is_loaded_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "RETRY", 0.0)
    desk.failure = ModelNotFound("it is not here; run `slm-lsp models pull`")
    await desk.ready()
    desk.failure = None
    desk.may_load.clear()
    for _ in range(3):  # while it is being loaded
        assert (await desk.service.complete(request())).reason is Reason.NO_MODEL
    desk.may_load.set()
    desk.may_run.set()
    await until(lambda: desk.service.loading.state is State.READY)
    assert (await desk.service.complete(request())).items
    assert len(desk.engines) == 1


async def test_a_newer_request_for_the_document_ends_the_running_one(desk: Desk) -> None:
    await desk.ready()
    first = asyncio.create_task(desk.service.complete(request()))
    await desk.begun()
    second = asyncio.create_task(desk.service.complete(request()))
    assert (await first).reason is Reason.SUPERSEDED
    desk.may_run.set()
    assert (await second).items
    assert desk.ran == ["file:///a.py"]


async def test_ignore_files_are_read_beside_the_event_loop(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk must not keep the editor waiting."""
    read_by = list[threading.Thread]()

    def read(path: Path) -> bool:
        read_by.append(threading.current_thread())
        return True

    monkeypatch.setattr("slm_lsp.context.permissions.ignored_by_files", read)
    desk.may_load.set()
    await desk.ready()
    document = Snapshot("file:///a.py", "python", 1, ("a = ",), tmp_path / "a.py")
    result = await desk.service.complete(CompletionRequest(document, 0, 4))
    assert result.reason is Reason.FILE_IGNORED
    assert read_by
    assert threading.current_thread() not in read_by


async def test_a_disk_that_hangs_keeps_no_superseded_request_waiting(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = threading.Event()

    def read(path: Path) -> bool:
        assert mended.wait(PATIENCE)
        return False

    monkeypatch.setattr("slm_lsp.context.permissions.ignored_by_files", read)
    desk.may_run.set()
    await desk.ready()
    document = Snapshot("file:///a.py", "python", 1, ("a = ",), tmp_path / "a.py")
    first = asyncio.create_task(desk.service.complete(CompletionRequest(document, 0, 4)))
    await asyncio.sleep(0)
    second = asyncio.create_task(desk.service.complete(CompletionRequest(document, 0, 4)))
    assert (await asyncio.wait_for(first, PATIENCE)).reason is Reason.SUPERSEDED
    assert not second.done()
    mended.set()
    assert (await asyncio.wait_for(second, PATIENCE)).items


async def test_a_burst_runs_only_its_last_request(desk: Desk) -> None:
    await desk.ready()
    tasks = [asyncio.create_task(desk.service.complete(request())) for _ in range(50)]
    await desk.begun()
    desk.may_run.set()
    results = await asyncio.gather(*tasks)
    assert [bool(result.items) for result in results] == [False] * 49 + [True]
    assert len(desk.ran) == 1


async def test_requests_for_other_documents_are_left_alone(desk: Desk) -> None:
    await desk.ready()
    first = asyncio.create_task(desk.service.complete(request()))
    second = asyncio.create_task(desk.service.complete(request("file:///b.py")))
    await desk.begun()
    desk.may_run.set()
    assert (await first).items
    assert (await second).items


async def test_cancelling_the_caller_stops_the_work(desk: Desk) -> None:
    await desk.ready()
    task = asyncio.create_task(desk.service.complete(request()))
    await desk.begun()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: desk.stopped == ["file:///a.py"])
    desk.may_run.set()
    assert (await desk.service.complete(request("file:///b.py"))).items
    assert desk.ran == ["file:///b.py"]
    why = desk.service.why("file:///a.py")
    assert why
    assert why.reason is Reason.CANCELLED


async def test_an_edit_stops_the_work(desk: Desk) -> None:
    await desk.ready()
    task = asyncio.create_task(desk.service.complete(request()))
    await desk.begun()
    desk.service.edited(Snapshot("file:///a.py", "python", 2, ("b = ",)))
    assert (await task).reason is Reason.SUPERSEDED


async def test_a_failing_pipeline_is_a_reason_and_the_next_request_works(desk: Desk) -> None:
    await desk.ready()
    desk.may_run.set()
    assert (await desk.service.complete(request(language="broken"))).reason is Reason.FAILED
    assert (await desk.service.complete(request())).items


async def test_switched_off(desk: Desk) -> None:
    await desk.ready()
    desk.service.configure(Settings(enabled=False))
    assert (await desk.service.complete(request())).reason is Reason.DISABLED
    desk.service.configure(Settings(disabled_languages=("python",)))
    assert (await desk.service.complete(request())).reason is Reason.LANGUAGE_OFF


async def test_only_settings_of_the_model_load_it_again(desk: Desk) -> None:
    await desk.ready()
    desk.service.configure(Settings(max_tokens=10, ahead=False))
    assert desk.service.loading.state is State.READY
    desk.service.configure(Settings(model="other"))
    await until(lambda: desk.service.loading.state is State.READY)
    assert [engine.closed for engine in desk.engines] == [True, False]


async def test_counters_and_the_last_result(desk: Desk) -> None:
    await desk.ready()
    desk.may_run.set()
    await desk.service.complete(request())
    desk.service.accepted("1")
    desk.service.configure(Settings(enabled=False))
    await desk.service.complete(request())
    counters = desk.service.journal.counters
    assert (counters.requests, counters.shown, counters.accepted) == (2, 1, 1)
    assert counters.reasons == {"disabled": 1}
    why = desk.service.why("file:///a.py")
    assert why
    assert why.reason is Reason.DISABLED
    desk.service.forget("file:///a.py")
    assert desk.service.why("file:///a.py") is None
