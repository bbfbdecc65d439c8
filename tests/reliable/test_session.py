"""A whole session in any order: one reply for each request, every text as it should be, nothing raised."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from slm_lsp.completion.cache import KEPT
from slm_lsp.text.document import Change, Span
from slm_lsp.text.positions import Encoding
from tests.reliable.conftest import Tried
from tests.reliable.fuzzing import Json, Target
from tests.reliable.scripted import ScriptedBackend
from tests.reliable.test_fuzz import Raised
from tests.text.strategies import texts
from tests.text.test_document import edited

URIS = [f"file:///project/{name}.py" for name in "abc"]
CANCELLED = -32800

uris = st.sampled_from(URIS)
units, lines = st.integers(0, 12), st.integers(0, 6)
SETTINGS: list[Json] = [
    *({"model": "other"}, {"model": "smollm2-135m"}, {"enabled": False}, {"enabled": True}),
    *({"maxLines": 1}, {"contextTokens": 0}, {"ahead": True}, {"disabledLanguages": ["python"]}, {}),
]


class Editor(RuleBasedStateMachine):
    """An editor that does whatever an editor may do, and keeps its own idea of every text."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.texts: dict[str, str] = {}
        self.asked, self.cancelled = 0, set[int]()
        self.version = 0
        self.raised = Raised()
        logging.getLogger().addHandler(self.raised)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    def send(self, method: str, params: Any, identifier: int | None = None) -> None:
        self.run(self.target.send(method, params, identifier))

    @initialize(encoding=st.sampled_from(Encoding))
    def begin(self, encoding: Encoding) -> None:
        async def start() -> None:
            self.target = Target(ScriptedBackend())

        self.encoding = encoding
        self.run(start())
        capabilities = {"general": {"positionEncodings": [encoding.value]}}
        params = {"processId": None, "rootUri": None, "capabilities": capabilities}
        self.send("initialize", params, self.next())
        self.send("initialized", {})

    def next(self) -> int:
        self.asked += 1
        return self.asked

    @rule(uri=uris, text=texts(20))
    def open(self, uri: str, text: str) -> None:
        self.version += 1
        item = {"uri": uri, "languageId": "python", "version": self.version, "text": text}
        self.send("textDocument/didOpen", {"textDocument": item})
        self.texts[uri] = text

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), span=st.none() | st.tuples(lines, units, lines, units), text=texts(4))
    def edit(self, data: st.DataObject, span: tuple[int, int, int, int] | None, text: str) -> None:
        uri = data.draw(st.sampled_from(sorted(self.texts)))
        self.version += 1
        change: Json = {"text": text}
        if span:
            start, end = ({"line": span[at], "character": span[at + 1]} for at in (0, 2))
            change["range"] = {"start": start, "end": end}
        identifier = {"uri": uri, "version": self.version}
        self.send("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})
        made = Change(text, Span(*span) if span else None)
        self.texts[uri] = edited(self.texts[uri], made, self.encoding)

    @rule(target=requests, uri=uris, line=lines, character=units, kind=st.sampled_from((1, 2)))
    def ask(self, uri: str, line: int, character: int, kind: int) -> int:
        position = {"line": line, "character": character}
        params = {"textDocument": {"uri": uri}, "position": position, "context": {"triggerKind": kind}}
        self.send("textDocument/inlineCompletion", params, number := self.next())
        return number

    @rule(number=consumes(requests))
    def cancel(self, number: int) -> None:
        self.cancelled.add(number)
        self.send("$/cancelRequest", {"id": number})

    @rule(values=st.sampled_from(SETTINGS))
    def configure(self, values: Json) -> None:
        self.send("workspace/didChangeConfiguration", {"settings": {"slm-lsp": values}})

    @rule(uri=uris)
    def close(self, uri: str) -> None:
        self.send("textDocument/didClose", {"textDocument": {"uri": uri}})
        self.texts.pop(uri, None)

    @rule(name=st.sampled_from(("slm-lsp.trail", "slm-lsp.status")))
    def look(self, name: str) -> None:
        self.send("workspace/executeCommand", {"command": name}, self.next())

    @invariant()
    def nothing_is_raised_and_the_texts_agree(self) -> None:
        assert [(one.getMessage(), one.exc_info) for one in self.raised.records] == []
        if not hasattr(self, "target"):
            return
        documents, service = self.target.server.documents, self.target.server.service
        for uri in URIS:
            document = documents.get(uri)
            assert ("".join(document.snapshot().lines) if document else None) == self.texts.get(uri)
        assert len(service._cache._results) <= KEPT
        assert len(service._flights) <= len(URIS)
        assert len(list(service.journal.trail)) <= 100
        assert max(self.target.replies.values(), default=1) == 1

    def teardown(self) -> None:
        async def finish() -> None:
            async with asyncio.timeout(20):
                while len(self.target.replies) < self.asked:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            await self.target.leave()

        try:
            self.run(finish())
            assert set(self.target.replies) == set(range(1, self.asked + 1))
            assert set(self.target.replies.values()) == {1}
            for number in range(1, self.asked + 1):
                error = self.target.answers[number].get("error")
                assert error is None or error["code"] != CANCELLED or number in self.cancelled
            assert self.raised.records == []
        finally:
            logging.getLogger().removeHandler(self.raised)
            self.loop.close()


def drive(examples: int) -> None:
    quick = settings(max_examples=examples, stateful_step_count=30, deadline=None, database=None)
    run_state_machine_as_test(Editor, settings=quick)


def test_a_session_in_any_order(tried: Tried) -> None:
    drive(25)
    tried("sessions of up to 30 steps in any order", 25, "one reply each, texts agree, nothing raised")


@pytest.mark.long
def test_a_thousand_sessions_in_any_order(tried: Tried) -> None:
    drive(1000)
    tried("sessions of up to 30 steps in any order", 1000, "one reply each, texts agree, nothing raised")
