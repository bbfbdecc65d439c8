"""Ghost text in VS Code, by the real model: shown, accepted in parts and as a whole, dismissed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import CodeServer, Window, begin, eventually, ghosted, told_why

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.editor, pytest.mark.model]


def test_a_word_a_line_and_all_of_it_are_accepted(window: Window, project: Path, pictures: Path) -> None:
    file = project / "sizes.py"
    before = begin(window, file)
    ghost = ghosted(window)
    window.picture(pictures / "ghost-text.png")
    first, rest = ghost.split("\n", 1)

    def taken() -> str:
        text = file.read_text()  # which is saved a moment after each change
        return text[len(before) :] if text.startswith(before) else ""

    window.press("Control+ArrowRight")
    word = eventually(taken, "a word is accepted")
    assert len(word) < len(first)
    assert ghost.startswith(word)
    eventually(lambda: window.ghost() == ghost[len(word) :], "the rest of it is shown")
    window.press("Control+Alt+l")
    eventually(lambda: window.ghost().strip() == rest.strip(), "a line is accepted")
    window.picture(pictures / "ghost-text-line.png")
    window.press("Tab", "Tab", "Tab")  # which indents first, where the ghost text begins with indentation
    eventually(lambda: not window.ghost(), "all of it is accepted")
    eventually(lambda: taken() == ghost, "the file has it")


def test_typing_what_is_shown_keeps_it(window: Window, project: Path) -> None:
    begin(window, project / "typed.py")
    ghost = ghosted(window)
    window.type(ghost[:4])
    eventually(lambda: window.ghost() == ghost[4:], "the rest of it is shown")


def test_a_dismissed_suggestion_does_not_come_back_there(window: Window, project: Path) -> None:
    begin(window, project / "dismissed.py")
    ghost = ghosted(window)
    window.press("Escape")
    eventually(lambda: not window.ghost(), "it is gone")
    told_why(window, ("x", "Backspace"), "rejected here before")
    assert window.ghost() != ghost


def test_the_entry_that_the_popup_has_selected_is_carried_on(window: Window, project: Path) -> None:
    begin(window, project / "popup.py")
    ghosted(window)
    window.type("self.wid")
    window.press("Control+Space")
    popup = window.page.locator(".suggest-widget.visible .monaco-list-row", has_text="width").first
    popup.wait_for()
    eventually(lambda: popup.is_visible() and window.ghost().startswith("th"), "ghost text beside the popup")


def test_cells_of_notebooks_complete(window: Window, project: Path) -> None:
    area = ["import math\n", "\n", "\n", "def area_of_circle(radius):\n", "    return math.pi * radius**2\n"]
    cells = [cell(area), cell(["first = area_of_circle(1)\n", "second = area_of_circle(2)\n", "third = "])]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "areas.ipynb").write_text(json.dumps(notebook))
    window.file(project / "areas.ipynb")
    window.page.locator(".cell.code .view-lines", has_text="second").click()
    window.press("Control+End")
    window.type("area_")
    eventually(window.ghost, "ghost text in the cell")


def cell(source: list[str]) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def test_nothing_is_suggested_in_diff_editors(window: Window, project: Path) -> None:
    begin(window, project / "compared.py")
    ghosted(window)
    window.press("Escape")
    window.command("File: Compare Active File with Saved")
    window.page.locator(".monaco-diff-editor .editor.modified .view-lines").first.click()
    window.press("Control+End")
    said = window.status()
    window.type("self.wid")
    eventually(lambda: (project / "compared.py").read_text().endswith("self.wid"), "it is typed")
    window.page.wait_for_timeout(2000)
    assert (window.ghost(), window.status()) == ("", said)


def test_every_folder_of_a_workspace_has_suggestions(
    code_server: CodeServer, browser: "Browser", make_project: Callable[[], Path], tmp_path: Path
) -> None:
    folders = [make_project(), make_project()]
    (tmp_path / "two.code-workspace").write_text(
        json.dumps({"folders": [{"path": str(one)} for one in folders]})
    )
    window = code_server.open(browser, tmp_path / "two.code-workspace")
    window.says("ready")
    for folder in folders:
        begin(window, folder / f"{folder.name}.py")
        ghosted(window)
        window.press("Escape")
    window.close()
