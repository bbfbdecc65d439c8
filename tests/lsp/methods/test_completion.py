from typing import Any

import pytest

from slm_lsp.completion.request import Trigger
from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import Session

ITEM = {"documentationFormat": ["plaintext", "markdown"], "insertTextModeSupport": {"valueSet": [1]}}
MARKDOWN = {"textDocument": {"completion": {"completionItem": ITEM}}}
INLINE: dict[str, Any] = {"textDocument": {"inlineCompletion": {}}}


async def entry(client: Session, line: int, character: int) -> dict[str, Any]:
    result = await client.popup(line, character).result()
    assert result["isIncomplete"]
    (item,) = result["items"]
    assert isinstance(item, dict)
    return item


async def test_clients_without_inline_completion_are_offered_the_popup(client: Session) -> None:
    assert "resolveProvider" not in (await client.initialize())["completionProvider"]


async def test_clients_with_inline_completion_are_not(client: Session) -> None:
    """They would ask twice at each key, and the second request would cancel the first."""
    assert "completionProvider" not in await client.initialize(INLINE)


async def test_clients_with_inline_completion_may_have_both(client: Session) -> None:
    options = {"completionPopup": True}
    assert "completionProvider" in await client.initialize(INLINE, initializationOptions=options)


async def test_the_entry_replaces_the_word_that_is_being_typed(client: Session, backend: FakeBackend) -> None:
    """Clients keep an entry only while it goes on from that word."""
    await client.ready()
    client.open("😀 = foo.ba")
    backend.text = "r(1)"
    item = await entry(client, 0, 11)
    assert item["textEdit"] == {
        "range": {"start": {"line": 0, "character": 9}, "end": {"line": 0, "character": 11}},
        "newText": "bar(1)",
    }
    assert (item["label"], item["filterText"]) == ("bar(1)", "bar(1)")
    assert item["preselect"] is True
    assert item["insertTextFormat"] == 1
    assert item["command"]["arguments"] == ["item-1"]


async def test_several_lines_are_inserted_as_they_are_and_previewed(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready(MARKDOWN)
    client.open("    if x:\n        re", language="Python")
    backend.text = "turn 1\r\n    # ```\r\n    return 2"
    item = await entry(client, 1, 10)
    assert item["textEdit"]["newText"] == "return 1\r\n    # ```\r\n    return 2"
    assert item["insertTextMode"] == 1
    assert (item["label"], item["filterText"]) == ("return 1…", "return 1")
    assert item["documentation"] == {
        "kind": "markdown",
        "value": "````python\n    return 1\n# ```\nreturn 2\n````",
    }


async def test_a_text_that_begins_with_a_line_break_has_a_label(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready()
    client.open("if x:")
    backend.text = "\n    pass"
    item = await entry(client, 0, 5)
    assert (item["label"], item["textEdit"]["newText"]) == ("pass", "\n    pass")
    assert "filterText" not in item


async def test_a_long_text_has_a_short_label(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("")
    backend.text = "x" * 100
    assert (await entry(client, 0, 0))["label"] == "x" * 60 + "…"


async def test_clients_without_markdown_get_a_plain_preview(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("    ")
    assert (await entry(client, 0, 4))["documentation"] == "pass"


@pytest.mark.parametrize(
    ("context", "trigger"),
    [
        ({"context": {"triggerKind": 1}}, Trigger.INVOKED),
        ({"context": {"triggerKind": 2, "triggerCharacter": "."}}, Trigger.AUTOMATIC),
        ({"context": {"triggerKind": 3}}, Trigger.AUTOMATIC),
        ({}, Trigger.AUTOMATIC),
    ],
)
async def test_the_trigger_is_passed_on(
    client: Session, backend: FakeBackend, context: dict[str, Any], trigger: Trigger
) -> None:
    await client.ready()
    client.open("")
    await client.popup(**context).result()
    assert backend.requests[-1].trigger is trigger


async def test_what_the_client_asks_while_a_word_is_typed_was_not_asked_for_by_the_user(
    client: Session, backend: FakeBackend
) -> None:
    """The protocol has one kind for both: comments, doubtful suggestions and a snooze are the user's."""
    await client.ready()
    client.open("to")
    place = {"line": 0, "character": 2}
    client.edit({"range": {"start": place, "end": place}, "text": "t"})
    await client.popup(0, 3, context={"triggerKind": 1}).result()
    await client.popup(0, 3, context={"triggerKind": 1}).result()
    assert [asked.trigger for asked in backend.requests] == [Trigger.AUTOMATIC, Trigger.INVOKED]


async def test_nothing_to_say_is_an_empty_list_that_is_asked_for_again(
    client: Session, backend: FakeBackend
) -> None:
    await client.ready()
    client.open("")
    backend.text = ""
    assert await client.popup().result() == {"isIncomplete": True, "items": []}
