from typing import Any

import pytest

from slm_lsp.completion.request import PopupEntry, Trigger
from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import Session

ENCODINGS = ["utf-8", "utf-16", "utf-32"]

UNITS = {"utf-8": 8, "utf-16": 5, "utf-32": 4}
"""Units of ``x😀é =`` before its last character."""


def general(*encodings: str) -> dict[str, Any]:
    return {"general": {"positionEncodings": list(encodings)}}


async def test_the_capability_is_advertised(client: Session) -> None:
    assert (await client.initialize())["inlineCompletionProvider"] == {}


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ([], "utf-16"),
        (["utf-8", "utf-16"], "utf-8"),
        (["utf-32"], "utf-32"),
        (["utf-7", "utf-32", "utf-8"], "utf-32"),
        (["utf-7"], "utf-16"),
    ],
)
async def test_the_position_encoding_is_the_clients_first_choice(
    client: Session, offered: list[str], taken: str
) -> None:
    assert (await client.initialize(general(*offered)))["positionEncoding"] == taken


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_positions_are_in_the_clients_units(
    client: Session, backend: FakeBackend, encoding: str
) -> None:
    await client.ready(general(encoding))
    client.open("\u2028\n\f x😀é =\r\nb")
    units = UNITS[encoding] + 2
    (item,) = (await client.inline(1, units).result())["items"]
    assert (backend.requests[-1].line, backend.requests[-1].column) == (1, 6)
    assert item["range"]["start"] == item["range"]["end"] == {"line": 1, "character": units}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_edits_are_in_the_clients_units(client: Session, backend: FakeBackend, encoding: str) -> None:
    await client.ready(general(encoding))
    client.open("x😀é =\r\n")
    start, end = ({"line": 0, "character": units} for units in (1, UNITS[encoding]))
    client.edit({"range": {"start": start, "end": end}, "text": "\f漢"})
    await client.inline().result()
    assert backend.requests[-1].document.lines == ("x\f漢=\r\n", "")


@pytest.mark.parametrize(
    ("text", "position", "column"),
    [
        ("", (0, 5), (0, 0)),
        ("", (9, 9), (0, 0)),
        ("ab\r\n", (0, 9), (0, 2)),
        ("ab\n", (5, 0), (1, 0)),
        ("😀", (0, 1), (0, 0)),
    ],
    ids=["empty", "below empty", "past the line", "past the document", "inside a pair"],
)
async def test_a_cursor_that_does_not_exist_is_moved_to_the_nearest_place(
    client: Session, backend: FakeBackend, text: str, position: tuple[int, int], column: tuple[int, int]
) -> None:
    await client.ready()
    client.open(text)
    assert (await client.inline(*position).result())["items"]
    assert (backend.requests[-1].line, backend.requests[-1].column) == column


async def test_an_item_reports_its_acceptance(client: Session) -> None:
    await client.ready()
    client.open("")
    (item,) = (await client.inline().result())["items"]
    assert item["insertText"] == "pass"
    await client.command(item["command"]["command"], *item["command"]["arguments"]).result()
    assert (await client.status())["counters"]["accepted"] == 1


@pytest.mark.parametrize(("kind", "trigger"), [(1, Trigger.INVOKED), (2, Trigger.AUTOMATIC)])
async def test_the_trigger_is_passed_on(
    client: Session, backend: FakeBackend, kind: int, trigger: Trigger
) -> None:
    await client.ready()
    client.open("")
    await client.inline(triggerKind=kind).result()
    assert backend.requests[-1].trigger is trigger


async def test_an_item_goes_on_from_the_entry_selected_in_the_popup(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready()
    client.open("😀.pr")
    backend.text = "('hi')"
    selected = {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 5}}
    reply = client.inline(0, 5, selectedCompletionInfo={"range": selected, "text": "print"})
    (item,) = (await reply.result())["items"]
    assert backend.requests[-1].popup == PopupEntry("print", 2, 4)
    assert (item["insertText"], item["range"]) == ("print('hi')", selected)


@pytest.mark.parametrize(("start", "end"), [((0, 0), (0, 1)), ((1, 0), (2, 0)), ((1, 1), (1, 0))])
async def test_an_entry_away_from_the_cursor_is_refused(
    client: Session, start: tuple[int, int], end: tuple[int, int]
) -> None:
    await client.ready()
    client.open("a\nb\nc")
    selected = {
        "start": dict(zip(("line", "character"), start, strict=True)),
        "end": dict(zip(("line", "character"), end, strict=True)),
    }
    reply = client.inline(1, 1, selectedCompletionInfo={"range": selected, "text": "print"})
    assert (await reply.error())["code"] == -32602


async def test_before_the_model_is_ready_there_is_an_empty_list_and_a_reason(
    client: Session, backend: FakeBackend
) -> None:
    backend.loaded.clear()
    await client.initialize()
    client.open("")
    assert await client.inline().result() == {"items": []}
    why = await client.why()
    assert why
    assert why["reason"] == "the model is still loading"


async def test_a_document_that_is_not_open_is_an_error(client: Session) -> None:
    await client.ready()
    assert "didOpen" in (await client.inline().error())["message"]
