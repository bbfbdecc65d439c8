"""VS Code for the Web, where extensions run in the browser: code-server can run this one there too."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import CodeServer, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.editor]


def test_without_a_machine_it_says_that_it_needs_one(
    make_code_server: Callable[..., CodeServer], browser: "Browser", tmp_path: Path, pictures: Path
) -> None:
    window = make_code_server(remote__extensionKind={"slm-lsp.slm-lsp": ["web"]}).open(browser, tmp_path)

    def says() -> bool:
        return any("which a browser alone can't do" in text for text in window.toasts())

    eventually(says, "it says so at the start")
    window.picture(pictures / "web.png")
    assert "which a browser alone can't do" in window.status()
    window.command("Notifications: Clear All Notifications")
    eventually(lambda: not says(), "the message is gone")
    window.command("slm-lsp: Show Status")
    eventually(says, "its commands say so")
    window.close()
