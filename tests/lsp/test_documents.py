import pytest

from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import URI, Json, Session

NOTEBOOK = "file:///project/a.ipynb"


async def text(client: Session, backend: FakeBackend, uri: str = URI) -> str:
    """Return an open document's text as a request sees it."""
    await client.inline(uri=uri).result()
    return "".join(backend.requests[-1].document.lines)


def ranged(text: str, *numbers: int) -> Json:
    """Return an edit of a range: start line, start character, end line, end character."""
    line, character, end_line, end_character = numbers
    start, end = {"line": line, "character": character}, {"line": end_line, "character": end_character}
    return {"range": {"start": start, "end": end}, "text": text}


async def test_edits_full_and_incremental_in_one_message(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("old")
    client.edit({"text": "a\fb\u2028c\rd"}, ranged("X", 0, 5, 1, 0), ranged("\n", 1, 0, 1, 0))
    assert await text(client, backend) == "a\fb\u2028cXd\n"


async def test_an_edit_with_a_line_break_lookalike_before_it_lands_where_the_editor_put_it(
    client: Session, backend: FakeBackend
) -> None:
    """The lines of pygls's own workspace shift at form feeds and U+2028."""
    await client.ready()
    client.open("\f\n\u2028\nx")
    client.edit(ranged("y", 2, 0, 2, 1))
    assert await text(client, backend) == "\f\n\u2028\ny"


async def test_a_document_keeps_its_language_path_and_version(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("a", "file:///project/my%20file.py", "Python")
    client.edit({"text": "b"}, uri="file:///project/my%20file.py", version=7)
    await text(client, backend, "file:///project/my%20file.py")
    document = backend.requests[-1].document
    assert (document.language, document.version, str(document.path)) == ("python", 7, "/project/my file.py")


async def test_an_unsaved_document_has_no_path(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("a", "untitled:Untitled-1")
    await text(client, backend, "untitled:Untitled-1")
    assert backend.requests[-1].document.path is None


@pytest.mark.parametrize("uri", ["file://[", "file:///a%00b.py", "file:///" + "x" * 5000, "no uri", ""])
async def test_a_document_completes_whatever_its_uri_is(
    client: Session, backend: FakeBackend, uri: str
) -> None:
    """Python's `urlparse` raises for some of these, and its `Path` for others."""
    await client.ready()
    client.open("a", uri)
    assert await text(client, backend, uri) == "a"


async def test_reopening_takes_the_new_text(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    client.open("old")
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.open("new")
    assert await text(client, backend) == "new"


async def test_an_edit_of_a_document_that_is_not_open_is_ignored(
    client: Session, caplog: pytest.LogCaptureFixture
) -> None:
    await client.ready()
    client.edit({"text": "secret"})
    await client.status()
    assert "not open" in caplog.text
    assert "secret" not in caplog.text


def cell(name: str, kind: int = 2) -> Json:
    return {"kind": kind, "document": f"cell:{name}"}


def item(name: str, language: str = "python") -> Json:
    return {"uri": f"cell:{name}", "languageId": language, "version": 1, "text": f"text of {name}\n"}


async def open_notebook(client: Session) -> None:
    await client.ready({"notebookDocument": {"synchronization": {}}})
    notebook = {
        "uri": NOTEBOOK,
        "notebookType": "jupyter-notebook",
        "version": 1,
        "cells": [cell("one"), cell("prose", 1), cell("two"), cell("three")],
    }
    items = [item("one"), item("prose", "markdown"), item("two"), item("three")]
    client.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": items})


def change_notebook(client: Session, cells: Json) -> None:
    identifier = {"uri": NOTEBOOK, "version": 2}
    client.notify("notebookDocument/didChange", {"notebookDocument": identifier, "change": {"cells": cells}})


async def around(client: Session, backend: FakeBackend, name: str) -> tuple[list[str], list[str]]:
    await client.inline(uri=f"cell:{name}").result()
    request = backend.requests[-1]
    return [text.strip() for text in request.preceding], [text.strip() for text in request.following]


async def test_notebooks_are_synced(client: Session) -> None:
    capabilities = await client.initialize({"notebookDocument": {"synchronization": {}}})
    assert capabilities["notebookDocumentSync"] == {"notebookSelector": [{"notebook": "*"}]}


async def test_the_cells_around_are_context_and_prose_is_not(client: Session, backend: FakeBackend) -> None:
    await open_notebook(client)
    assert await around(client, backend, "two") == (["text of one"], ["text of three"])
    assert await around(client, backend, "one") == ([], ["text of two", "text of three"])


async def test_an_edited_cell_is_seen_from_the_others(client: Session, backend: FakeBackend) -> None:
    await open_notebook(client)
    edits = {"document": {"uri": "cell:one", "version": 2}, "changes": [ranged("new ", 0, 0, 0, 0)]}
    change_notebook(client, {"textContent": [edits]})
    assert await around(client, backend, "two") == (["new text of one"], ["text of three"])


async def test_cells_come_go_and_move(client: Session, backend: FakeBackend) -> None:
    await open_notebook(client)
    change_notebook(
        client,
        {
            "structure": {
                "array": {"start": 0, "deleteCount": 3, "cells": [cell("four"), cell("two")]},
                "didOpen": [item("four")],
                "didClose": [{"uri": "cell:one"}, {"uri": "cell:prose"}],
            }
        },
    )
    assert await around(client, backend, "two") == (["text of four"], ["text of three"])
    assert (await client.inline(uri="cell:one").error())["code"] == -32602
    change_notebook(
        client,
        {"structure": {"array": {"start": 1, "deleteCount": 2, "cells": [cell("three"), cell("two")]}}},
    )
    assert await around(client, backend, "two") == (["text of four", "text of three"], [])


async def test_metadata_and_results_change_nothing(client: Session, backend: FakeBackend) -> None:
    await open_notebook(client)
    change_notebook(client, {"data": [cell("one")]})
    assert await around(client, backend, "two") == (["text of one"], ["text of three"])


async def test_a_closed_notebook_is_forgotten(client: Session, backend: FakeBackend) -> None:
    await open_notebook(client)
    client.notify(
        "notebookDocument/didClose",
        {
            "notebookDocument": {"uri": NOTEBOOK},
            "cellTextDocuments": [{"uri": "cell:one"}, {"uri": "cell:two"}],
        },
    )
    assert (await client.inline(uri="cell:two").error())["code"] == -32602
    assert await around(client, backend, "three") == ([], [])
