"""VS Code as its users see it: a code-server with a profile of its own, shown in a headless Chromium."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

T = TypeVar("T")

PATIENCE = 100.0
"""Seconds after which a test that waits for something gives up; a loaded machine is slow."""

CHROMIUM = "/usr/bin/chromium"

QUIET: dict[str, Any] = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "slm-lsp.eagerness": 100,
    "workbench.colorTheme": "Default Light Modern",
    "security.workspace.trust.enabled": False,
    "[markdown]": {"editor.wordWrap": "off"},
    "workbench.editor.useModal": "off",
    "git.enabled": False,
    "files.autoSave": "afterDelay",
    "files.autoSaveDelay": 100,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "editor.minimap.enabled": False,
    "editor.autoClosingBrackets": "never",
    "editor.autoIndent": "none",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.suggestOnTriggerCharacters": False,
    "editor.parameterHints.enabled": False,
}
"""Settings that keep everything still but what is tested, and show whatever the model has to say."""

STILL: dict[str, Any] = {
    "slm_lsp__memory": False,
    "slm_lsp__timeLimit": 60_000,
    "slm_lsp__contextTimeLimit": 10_000,
}
"""Settings under which the same is suggested on a slow machine, and whatever was written in other files."""

GHOST = """() => {
  const decorated = document.querySelectorAll('[class*=ghost-text-decoration]');
  const first = [...decorated].map(one => one.textContent).join('');
  const lines = new Map();
  for (const one of document.querySelectorAll('span.ghost-text')) {
    const line = one.closest('div');
    lines.set(line, (lines.get(line) ?? '') + one.textContent);
  }
  return [first, ...lines.values()].join('\\n');
}"""

TEXT = """() => [...document.querySelectorAll('.view-lines > .view-line')]
  .sort((one, other) => parseInt(one.style.top) - parseInt(other.style.top))
  .map(line => [...line.querySelectorAll('span > span')]
    .filter(span => !span.className.includes('ghost-text')).map(span => span.textContent).join(''))
  .join('\\n')"""


def eventually(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Return what `look` returns once that is true."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {patience:.0f} s; seen last: {seen!r}")
        time.sleep(0.05)
    return seen


def named(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings under their own names: `__` stands for a name's dot, `_` for the hyphen of slm-lsp."""
    return {name.replace("__", ".").replace("slm_lsp", "slm-lsp"): value for name, value in changes.items()}


def settings(**changes: Any) -> str:
    """Return the user's settings as JSON; they are named as in `named`."""
    return json.dumps({**QUIET, **named(changes)})


class CodeServer:
    """A code-server with its profile, extensions and log in `folder`; settings are named as in `settings`."""

    def __init__(self, parts: Path, folder: Path, changes: Mapping[str, Any]) -> None:
        self._command = [parts / "node", parts / "code-server.js"]
        self._profile, self._extensions = folder / "profile", folder / "extensions"
        self._changes = changes
        # What was accepted before moves what is shown.
        self._environment = {**os.environ, "SLM_LSP_STATE": str(folder / "state")}
        self._log = folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""
        keys = {
            "ctrl+alt+l": "editor.action.inlineSuggest.acceptNextLine",
            "ctrl+alt+w": "slmLsp.why",
            "ctrl+alt+r": "slmLsp.restart",
        }
        bindings = [{"key": key, "command": command} for key, command in keys.items()]
        user = self._profile / "User"
        user.mkdir(parents=True)
        (user / "settings.json").write_text(settings(**changes))
        machine = self._profile / "Machine"  # of which a setting that belongs to the machine is read
        machine.mkdir()
        (machine / "settings.json").write_text(json.dumps(named(changes)))
        (user / "keybindings.json").write_text(json.dumps(bindings))  # they have none

    def install(self, vsix: Path) -> None:
        """Install a packaged extension."""
        subprocess.run([*self._command, *self._folders(), "--install-extension", vsix], check=True)

    def __enter__(self) -> Self:
        options = [
            "--auth",
            "none",
            "--bind-addr",
            "127.0.0.1:0",
            "--disable-telemetry",
            "--disable-update-check",
        ]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*self._command, *self._folders(), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        found = eventually(
            lambda: re.search(r"listening on (http://\S+?)/?\s", self._log.read_text()), "code-server listens"
        )
        self.address = found[1]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process
        hosts = psutil.Process(self._process.pid).children(recursive=True)  # they outlive it for a while
        self._process.terminate()
        self._process.wait(PATIENCE)
        for host in hosts:
            with contextlib.suppress(psutil.NoSuchProcess):
                host.terminate()
        assert not psutil.wait_procs(hosts, PATIENCE)[1]

    def open(self, browser: "Browser", place: Path) -> "Window":
        """Show a folder, or a `.code-workspace` file."""
        kind = "workspace" if place.is_file() else "folder"
        page = browser.new_page(viewport={"width": 1000, "height": 600})
        page.set_default_timeout(1e3 * PATIENCE)
        page.goto(f"{self.address}/?{kind}={quote(str(place))}")
        page.wait_for_selector(".monaco-workbench .statusbar-item")
        if place.is_file():
            self._with_folders(page)
        return Window(page, self._changes)

    def _with_folders(self, page: "Page") -> None:
        """Reload a window until it shows its workspace's folders: now and then code-server shows none."""
        folders = page.locator(".explorer-folders-view .monaco-list-row")
        none = page.get_by_text("You have not yet added a folder to the workspace.")
        for _ in range(5):
            folders.or_(none).first.wait_for()
            if folders.count():
                return
            page.reload()
        raise AssertionError("the folders of the workspace are not shown")

    def _folders(self) -> list[str]:
        return ["--user-data-dir", str(self._profile), "--extensions-dir", str(self._extensions)]


class Window:
    """One window of VS Code; what it shows is read from the page, as a user would.

    `changes` are the settings that its code-server was started with, named as in `settings`.
    """

    def __init__(self, page: "Page", changes: Mapping[str, Any]) -> None:
        self.page = page
        self._changes = changes

    def close(self) -> None:
        """Close the window."""
        self.page.close()

    def picture(self, file: Path, left: int = 0, top: int = 0) -> None:
        """Take a picture of the window, or of what is right of and below a point."""
        size = self.page.viewport_size
        assert size
        self.page.screenshot(
            path=file,
            clip={"x": left, "y": top, "width": size["width"] - left, "height": size["height"] - top},
        )

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str, delay: float = 60) -> None:
        """Type text, with `delay` ms between two keys."""
        self.page.keyboard.type(text, delay=delay)

    def file(self, file: Path) -> None:
        """Open a file in an editor."""
        self.press("Control+p")
        self.page.locator(".quick-input-widget input").fill(str(file))
        self.page.locator(".quick-input-list .monaco-list-row", has_text=file.name).first.wait_for()
        self.press("Enter")
        self.page.locator(f".tab.active[data-resource-name='{file.name}']").wait_for()
        self.page.locator(
            ".editor-group-container.active .view-lines, .notebookOverlay .view-lines"
        ).first.wait_for()

    def go_to(self, line: int) -> None:
        """Put the cursor at the end of a line, counted from 1."""
        self.press("Control+g")
        self.page.locator(".quick-input-widget input").fill(f":{line}")
        self.press("Enter", "End")

    def command(self, title: str) -> None:
        """Run a command from the palette."""
        self.press("F1")
        box = self.page.locator(".quick-input-widget input")
        box.fill(f">{title}")
        self.choose(title)  # which need not be the first one

    def settings(self, **changes: Any) -> None:
        """Write what the user's settings were at first, and changes, named as in `settings`.

        The editor with them stays: no file is watched.
        """
        self.command("Preferences: Open User Settings (JSON)")
        self.page.locator(".tab.active[data-resource-name='settings.json']").wait_for()
        self.page.locator(".editor-group-container.active .view-lines").first.click()
        self.press("Control+a")
        self.page.keyboard.insert_text(settings(**{**self._changes, **changes}))
        self.press("Control+Shift+End", "Delete")  # what VS Code closed by itself
        self.page.wait_for_timeout(500)  # until it is saved, which it is by itself
        self.page.locator(".tab.active.dirty").wait_for(state="detached")

    def choose(self, label: str) -> None:
        """Choose an entry of the list that is shown."""
        self.page.locator(".quick-input-list .monaco-list-row", has_text=label).first.click()

    def ghost(self) -> str:
        """Return the ghost text that is on the screen."""
        return str(self.page.evaluate(GHOST)).replace("\u00a0", " ")

    def text(self) -> str:
        """Return the lines of all editors that are on the screen, without ghost text."""
        return str(self.page.evaluate(TEXT)).replace("\u00a0", " ")

    def status(self) -> str:
        """Return what the item in the status bar says to a screen reader."""
        item = self.page.locator(".statusbar-item[id*='slm-lsp']").first
        return item.locator("a").first.get_attribute("aria-label") or "" if item.count() else ""

    def says(self, part: str, patience: float = PATIENCE) -> None:
        """Wait until the item in the status bar says something; a failure tells what it said instead."""
        said = [""]

        def look() -> bool:
            if (now := self.status()) != said[-1]:
                said.append(now)
            return part in now

        try:
            eventually(look, f"the status bar says {part!r}", patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said {said[1:]}; messages: {self.toasts()}") from None

    def toasts(self) -> list[str]:
        """Return the messages in the corner."""
        return self.page.locator(".notification-list-item-message").all_inner_texts()

    def press_button(self, label: str) -> None:
        """Press a button of a message."""
        self.page.locator(".notification-list-item-buttons-container a", has_text=label).first.click()

    def focus(self) -> None:
        """Put the focus back into the first editor."""
        self.command("View: Focus First Editor Group")


SIZE = """class {}:
    def __init__(self, width, height, depth):
        self.width = width
        self.height = height
        self.depth = depth
"""

SIZES = "\n\n".join(map(SIZE.format, ("Box", "Crate", "Size"))).rpartition("\n        self.width")[0]
"""A file that says itself what comes next: three lines."""


USES_HELPER = "from helper import Account\n\n\ndef pay(account: Account) -> None:"
"""A file that uses what another file of the project defines."""


def begin(window: Window, file: Path, text: str = SIZES, indentation: str = "        ") -> str:
    """Open a new file, and begin a function's body at its end; returns its text then."""
    file.write_text(text)
    window.file(file)
    window.press("Control+End")
    window.type(f"\n{indentation}")
    return f"{text}\n{indentation}"


def ghosted(window: Window) -> str:
    """Return the ghost text that comes; VS Code may not ask at the first keys in a new editor."""

    def whole() -> str:
        seen = window.ghost()
        return "" if seen.startswith("\n") else seen  # VS Code draws the lines below first

    try:
        return eventually(whole, "ghost text", PATIENCE / 4)
    except AssertionError:
        # Once only: what is typed against twice does not come back.
        window.type("x")
        window.press("Backspace")
    return eventually(whole, "ghost text")


def told_why(window: Window, keys: tuple[str, ...], *says: str) -> None:
    """Press keys, and ask why nothing is shown, until the answer has what it should say.

    VS Code asks the server a little after a key, and not once the palette is open.
    """
    for pause in (1, 2, 4, 8, 16):
        window.press(*keys)
        window.page.wait_for_timeout(1e3 * pause)
        window.command("slm-lsp: Why No Suggestion")
        with contextlib.suppress(AssertionError):
            eventually(lambda: all(one in window.text() for one in says), "the reason", PATIENCE / 10)
            return
        window.focus()
    raise AssertionError(f"the reason is not told; seen last:\n{window.text()}")
