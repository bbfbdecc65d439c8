"""The newcomer's path: no server anywhere, and the extension installs it from the package index."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import CodeServer, begin, eventually, ghosted

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.long]

PATIENCE = 1500.0
"""Seconds that an installation may take: torch and the model are fetched."""


def test_the_extension_installs_the_server_and_completes(
    make_code_server: Callable[..., CodeServer], browser: "Browser", tmp_path: Path, pictures: Path
) -> None:
    # `constraints.txt` pins what brings no CUDA along where the package index has it so.
    window = make_code_server(slm_lsp__server__installArguments=[]).open(browser, tmp_path)
    eventually(lambda: any("Install it into" in text for text in window.toasts()), "it offers to install")
    window.press_button("Install")
    window.says("ready", PATIENCE)
    begin(window, tmp_path / "sizes.py")
    assert ghosted(window)
    window.picture(pictures / "installed.png")
    window.close()
