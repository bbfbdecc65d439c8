"""VS Code as its users see it: a code-server with a profile of its own, shown in a headless Chromium."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a test that waits for something gives up; a loaded machine is slow."""

CHROMIUM = "/usr/bin/chromium"

QUIET: dict[str, Any] = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.colorTheme": "Default Light Modern",
    "chat.disableAIFeatures": True,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
    "git.enabled": False,
    "editor.minimap.enabled": False,
    "editor.autoClosingBrackets": "never",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.suggestOnTriggerCharacters": False,
    "editor.parameterHints.enabled": False,
}
"""Settings that keep everything still but what is tested."""


def eventually(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Return what `look` returns once that is true."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {patience:.0f} s; seen last: {seen!r}")
        time.sleep(0.05)
    return seen


class CodeServer:
    """A code-server whose profile, extensions and settings are in `folder`."""

    def __init__(self, parts: Path, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = [parts / "node", parts / "code-server.js"]
        self._profile, self._extensions = folder / "profile", folder / "extensions"
        self._log = folder / "log.txt"
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self.settings()

    def settings(self, **changes: Any) -> None:
        """Write the user's settings; `__` stands for the dot in a name and `_` for the hyphen of slm-lsp."""
        named = {
            name.replace("__", ".").replace("slm_lsp", "slm-lsp"): value for name, value in changes.items()
        }
        file = self._profile / "User" / "settings.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**QUIET, **named}))

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
        self._process.terminate()
        self._process.wait(PATIENCE)

    def open(self, browser: "Browser", place: Path) -> "Window":
        """Show a folder, or a `.code-workspace` file."""
        kind = "workspace" if place.is_file() else "folder"
        page = browser.new_page(viewport={"width": 1000, "height": 600})
        page.goto(f"{self.address}/?{kind}={quote(str(place))}")
        page.wait_for_selector(".monaco-workbench .statusbar-item", timeout=1e3 * PATIENCE)
        return Window(page)

    def _folders(self) -> list[str]:
        return ["--user-data-dir", str(self._profile), "--extensions-dir", str(self._extensions)]


class Window:
    """One window of VS Code; what it shows is read from the page, as a user would."""

    def __init__(self, page: "Page") -> None:
        self.page = page

    def close(self) -> None:
        """Close the window."""
        self.page.close()
