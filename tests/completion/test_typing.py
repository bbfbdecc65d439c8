"""The service with the real pipeline and an engine that writes what it is told: typing and its answers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from slm_lsp.completion.ahead import REST
from slm_lsp.completion.events import Event, Happened
from slm_lsp.completion.flights import DRAWN
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason, Source, Trigger
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import State
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.completion.places import request
from tests.tokenizers import tokenizer

PATIENCE = 20.0


class Desk:
    """A user at a keyboard; the model writes `text` after what `knows` the prompt ends with."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary(tokenizer("smollm"))
        self.answers = {"total = ": "price * count\n"}
        self.may_write = threading.Event()
        self.may_write.set()
        self.engine = ScriptedEngine(self.script, hook=self.hold)
        self.service = CompletionService(lambda settings, progress: self.model())
        self.events: list[Event] = []
        self.service.journal.on_event = self.events.append

    def model(self) -> LoadedModel:
        return LoadedModel("scripted", self.engine, self.vocabulary, detect(self.vocabulary))

    def hold(self, token: int) -> None:
        assert self.may_write.wait(PATIENCE)

    def script(self, prompt: Any) -> list[int]:
        text = self.vocabulary.decode([one for one in prompt if one not in self.vocabulary.special.values()])
        for head, answer in self.answers.items():
            for typed in range(len(answer), -1, -1):
                said = (head + answer[:typed]).rstrip()
                if text.rstrip().endswith(said):
                    rest = (head + answer)[len(said) :]
                    return self.vocabulary.encode(rest)
        return self.vocabulary.encode("\n")

    async def ready(self, **settings: Any) -> None:
        self.service.configure(Settings(**{"ahead": False, "eagerness": 100, **settings}))
        await until(lambda: self.service.loading.state is State.READY)

    async def ask(self, marked: str, **more: Any) -> CompletionResult:
        async with asyncio.timeout(PATIENCE):
            return await self.service.complete(request(marked, **more))

    def type(self, marked: str) -> CompletionRequest:
        asked = request(marked)
        self.service.edited(asked.document, asked.line, asked.column)
        return asked


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the engine's thread makes it so
            await asyncio.sleep(0.002)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    made.may_write.set()
    made.service.close()


def shown(result: CompletionResult) -> str:
    (item,) = result.items
    return item.text


async def test_typing_what_is_shown_leaves_the_rest_byte_for_byte_and_asks_no_engine(desk: Desk) -> None:
    await desk.ready()
    whole = shown(await desk.ask("total = ¦\n"))
    assert whole == "price * count"
    for typed in range(1, len(whole)):
        desk.type(f"total = {whole[:typed]}¦\n")
        result = await desk.ask(f"total = {whole[:typed]}¦\n")
        assert (shown(result), result.source) == (whole[typed:], Source.CACHE)
    assert len(desk.engine.prompts) == 1


async def test_a_generation_goes_on_while_the_user_types_what_it_writes(desk: Desk) -> None:
    await desk.ready()
    desk.may_write.clear()
    first = asyncio.create_task(desk.ask("total = ¦\n"))
    await until(lambda: desk.engine.prompts)
    desk.type("total = p¦\n")
    assert (await first).reason is Reason.SUPERSEDED
    second = asyncio.create_task(desk.ask("total = p¦\n"))
    await asyncio.sleep(0)
    desk.may_write.set()
    result = await second
    assert (shown(result), result.source) == ("rice * count", Source.JOINED)
    assert len(desk.engine.prompts) == 1


async def test_a_generation_stops_once_the_user_types_something_else(desk: Desk) -> None:
    await desk.ready()
    desk.answers["total = x"] = " + 1\n"
    desk.may_write.clear()
    first = asyncio.create_task(desk.ask("total = ¦\n"))
    await until(lambda: desk.engine.prompts)
    desk.type("total = x¦\n")
    second = asyncio.create_task(desk.ask("total = x¦\n"))
    desk.may_write.set()
    assert (await first).reason is Reason.SUPERSEDED
    assert (await second).source is Source.ENGINE
    assert desk.service.journal.counters.finished == 1


async def test_a_burst_of_a_hundred_keys_finishes_at_most_two_generations(desk: Desk) -> None:
    await desk.ready()
    desk.may_write.clear()
    tasks = []
    for number in range(100):
        marked = "total = " + "x" * number + "¦\n"
        desk.type(marked)
        tasks.append(asyncio.create_task(desk.ask(marked)))
        await asyncio.sleep(0)
    desk.may_write.set()
    results = await asyncio.gather(*tasks)
    assert {result.reason for result in results[:-1]} == {Reason.SUPERSEDED}
    assert desk.service.journal.counters.finished <= 2


async def test_what_follows_an_acceptance_is_there_before_it_is_asked(desk: Desk) -> None:
    desk.answers = {"price * count\n": "print(total)\n", **desk.answers}
    await desk.ready(ahead=True)
    await desk.ask("total = ¦\n")
    await until(lambda: desk.service._cache.look(request("total = price * count\n¦\n")))
    asked = len(desk.engine.prompts)
    result = await desk.ask("total = price * count\n¦\n")
    assert (shown(result), result.source) == ("print(total)", Source.CACHE)
    assert len(desk.engine.prompts) == asked


async def test_of_a_closed_document_nothing_is_completed_ahead(desk: Desk) -> None:
    desk.answers = {"price * count\n": "print(total)\n", **desk.answers}
    await desk.ready(ahead=True)
    await desk.ask("total = ¦\n")
    desk.service.forget(request("total = ¦\n").document.uri)
    await asyncio.sleep(2 * DRAWN)
    assert len(desk.engine.prompts) == 1


async def test_a_resting_cursor_is_read_ahead(desk: Desk) -> None:
    await desk.ready(ahead=True)
    desk.type("a = 1\ntotal = ¦\n")
    await until(lambda: desk.engine.prefills)
    assert desk.engine.prompts == []


async def test_where_the_cursor_is_put_is_read_ahead(desk: Desk) -> None:
    await desk.ready(ahead=True)
    desk.type("a = 1\ntotal = ¦\n")
    desk.service.rests(request("a = 1¦\ntotal = \n"))
    await until(lambda: desk.engine.prefills)
    await asyncio.sleep(2 * REST)
    # Only the newest place is.
    assert len(desk.engine.prefills) == 1
    assert desk.service.journal.counters.ahead == len(desk.engine.prefills[0])
    assert desk.engine.prompts == []
    result = await desk.ask("a = 1¦\ntotal = \n")
    assert desk.engine.prompts == desk.engine.prefills
    assert result.items or result.reason


async def test_what_is_to_be_read_ahead_waits_for_the_engine(desk: Desk) -> None:
    await desk.ready(ahead=True)
    desk.may_write.clear()
    desk.type("total = ¦\n")
    asked = asyncio.create_task(desk.ask("total = ¦\n"))
    await until(lambda: desk.engine.prompts)
    await asyncio.sleep(2 * REST)
    assert desk.engine.prefills == []
    desk.may_write.set()
    assert (await asked).items
    await until(lambda: desk.engine.prefills)


async def test_a_rejected_suggestion_does_not_come_back(desk: Desk) -> None:
    """cody#969."""
    await desk.ready()
    desk.answers = {"total = ": "price * count\n"}
    for _ in range(2):
        assert (await desk.ask("total = ¦\n")).items
        desk.type("total = q¦\n")
        await desk.ask("total = q¦\n")
        desk.type("total = ¦\n")
    assert (await desk.ask("total = ¦\n")).reason is Reason.REJECTED_HERE
    assert [event.what for event in desk.events].count(Happened.REJECTED) == 2


async def test_events_tell_of_acceptance(desk: Desk) -> None:
    await desk.ready()
    result = await desk.ask("total = ¦\n")
    desk.service.accepted(result.items[0].id)
    assert [event.what for event in desk.events] == [Happened.SHOWN, Happened.ACCEPTED]
    assert desk.events[1].text == "price * count"


async def test_another_model_suggests_anew(desk: Desk) -> None:
    await desk.ready()
    await desk.ask("total = ¦\n")
    desk.service.configure(replace(desk.service.settings, max_tokens=32))
    assert (await desk.ask("total = ¦\n")).source is Source.ENGINE


async def test_alternatives_come_when_asked_for(desk: Desk) -> None:
    await desk.ready()
    encode = desk.vocabulary.encode
    desk.engine._others = lambda prompt: [encode(" sum(prices)\n"), encode(" price * count\n")]
    result = await desk.ask("total = ¦\n", trigger=Trigger.INVOKED)
    assert sorted(item.text for item in result.items) == ["price * count", "sum(prices)"]
    assert len((await desk.ask("total = ¦\n")).items) == 1
