"""The status bar, the commands and the settings of the extension, in VS Code with the real model."""

import re
from itertools import count
from pathlib import Path

import psutil
import pytest

from tests.editors.vscode.driver import USES_HELPER, Window, begin, eventually, ghosted, told_why

pytestmark = [pytest.mark.editor, pytest.mark.model]


def test_the_status_bar_tells_of_the_model_and_the_last_answer(window: Window, project: Path) -> None:
    begin(window, project / "told.py")
    ghosted(window)
    said = eventually(
        lambda: window.status() if "last answer" in window.status() else "", "the latency is told"
    )
    assert said.startswith("slm-lsp: ready, smollm2-135m, last answer after ")


def test_snoozing_stops_what_comes_by_itself_and_why_says_so(window: Window, project: Path) -> None:
    begin(window, project / "snoozed.py")
    ghosted(window)
    window.command("slm-lsp: Snooze")
    window.choose("5 minutes")
    eventually(lambda: window.status() == "slm-lsp: snoozed for 5 min", "the status bar says so")
    window.focus()
    told_why(window, ("x",), "nothing shown: ", "snoozed")
    assert not window.ghost()
    window.focus()
    window.command("slm-lsp: Suggest Here")
    eventually(window.ghost, "what is asked for comes all the same")
    window.press("Escape")
    window.command("slm-lsp: Snooze")
    window.choose("End the snooze")
    window.says("ready")
    begin(window, project / "awake.py")
    ghosted(window)


def test_settings_take_effect_without_a_restart(window: Window, project: Path) -> None:
    numbers = count()

    def lines() -> int:
        begin(window, project / f"settings{next(numbers)}.py")
        return ghosted(window).count("\n") + 1

    assert lines() > 1
    (server,) = servers(project)
    # A busy VS Code tells of a setting later than of the next key.
    window.settings(slm_lsp__maxLines=1)
    try:
        eventually(lambda: lines() == 1, "suggestions have one line")
    finally:
        window.settings()
    eventually(lambda: lines() > 1, "they have more again")
    assert [one.pid for one in servers(project)] == [server.pid]


def test_suggestions_are_turned_off_and_on_by_commands(window: Window, project: Path) -> None:
    begin(window, project / "toggled.py")
    window.command("slm-lsp: Turn On or Off for This Language")
    eventually(lambda: window.status() == "slm-lsp: off for python", "off for the language")
    window.command("slm-lsp: Turn On or Off for This Language")
    window.says("ready")
    window.command("slm-lsp: Turn On or Off Everywhere")
    eventually(lambda: window.status() == "slm-lsp: off everywhere", "off everywhere")
    window.command("slm-lsp: Turn On or Off Everywhere")
    window.says("ready")


def test_reports_tell_of_the_context_the_status_the_statistics_and_the_doctor(
    window: Window, project: Path, pictures: Path
) -> None:
    begin(window, project / "reports.py")
    ghosted(window)
    for command, says in (
        ("Show What the Model Sees Here", "tokens of context"),
        ("Show Status", "architecture: llama"),
        ("Show Statistics", "by word"),
        ("Run the Doctor", "cache folder"),
    ):
        window.focus()
        window.command(f"slm-lsp: {command}")
        eventually(lambda says=says: says in window.text(), command)  # type: ignore[misc]
        window.picture(pictures / f"{command}.png")


def test_where_the_cursor_rests_is_read_before_anything_is_asked(window: Window, project: Path) -> None:
    file = project / "far.py"
    file.write_text("".join(f"value_{number} = compute({number})\n" for number in range(400)))

    def ahead(line: int) -> int:
        """Put the cursor into a line, wait, and return how many tokens were read ahead so far."""
        window.file(file)
        window.go_to(line)
        window.page.wait_for_timeout(2000)
        window.command("slm-lsp: Show Status")
        window.page.wait_for_timeout(1000)  # an older one may be on the screen
        said = eventually(lambda: re.findall(r"ahead of need: (\d+)", window.text()), "the status is shown")
        return max(map(int, said))

    before = ahead(1)
    eventually(lambda: ahead(200) > before + 200, "it is read")


def test_the_model_sees_the_definitions_of_other_files(window: Window, project: Path) -> None:
    begin(window, project / "user.py", USES_HELPER, "    ")

    def sees() -> bool:
        window.focus()
        window.command("slm-lsp: Show What the Model Sees Here")
        eventually(lambda: "tokens of context" in window.text(), "the context is shown")
        return "helper.py" in window.text()

    eventually(sees, "the index has been built")


def test_the_menu_has_all_commands(window: Window, project: Path) -> None:
    begin(window, project / "menu.py")
    window.command("slm-lsp: Show All Commands")
    entries = window.page.locator(".quick-input-list .monaco-list-row")
    entries.filter(has_text="Suggest here").wait_for()
    assert entries.filter(has_text="Turn off for python").count() == 1
    window.page.locator(".quick-input-widget input").fill("Open log")
    window.choose("Open log")
    window.page.locator(".output-view .view-line", has_text="starting").first.wait_for()
    window.command("View: Toggle Panel Visibility")


def test_a_model_is_picked_from_those_that_the_server_knows(window: Window, project: Path) -> None:
    begin(window, project / "picked.py")
    window.command("slm-lsp: Pick Model")
    window.page.locator(".quick-input-list .monaco-list-row", has_text="gemma3-270m").wait_for()
    window.choose("smollm2-135m")
    window.says("ready")


def test_a_server_that_is_killed_comes_back(window: Window, project: Path) -> None:
    begin(window, project / "killed.py")
    ghosted(window)
    window.press("Escape")
    (server,) = servers(project)
    server.kill()
    window.says("has died")
    window.says("ready")
    assert [one.pid for one in servers(project)] != [server.pid]
    begin(window, project / "revived.py")
    ghosted(window)


def test_the_server_is_restarted_by_a_command(window: Window, project: Path) -> None:
    begin(window, project / "restarted.py")
    (server,) = servers(project)
    window.command("slm-lsp: Restart the Server")
    eventually(lambda: server.pid not in {one.pid for one in servers(project)}, "the old one has ended")
    eventually(lambda: servers(project), "a new one has begun")
    window.says("ready")


def test_restarting_while_the_server_begins_leaves_one_that_is_ready(window: Window, project: Path) -> None:
    begin(window, project / "hurried.py")
    for pause in (50, 500, 1000, 0):
        window.press("Control+Alt+r")
        window.page.wait_for_timeout(pause)
    window.says("starting")
    window.says("ready")
    eventually(lambda: len(servers(project)) == 1, "there is one server")
    begin(window, project / "unhurried.py")
    ghosted(window)


def servers(project: Path) -> list[psutil.Process]:
    """The servers whose windows are on a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if "slm_lsp" in process.cmdline() and process.cwd() == str(project):
                found.append(process)
        except psutil.Error:
            continue
    return found
