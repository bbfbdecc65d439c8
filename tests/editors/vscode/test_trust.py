"""A window in restricted mode: the workspace names no program and no model, and is not indexed."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import USES_HELPER, CodeServer, begin, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.editor, pytest.mark.model]

RESTRICTED = {
    "security__workspace__trust__enabled": True,
    "security__workspace__trust__startupPrompt": "never",
    "security__workspace__trust__banner": "never",
}


def test_a_restricted_window_is_obeyed_until_it_is_trusted(
    make_code_server: Callable[..., CodeServer],
    browser: "Browser",
    make_project: Callable[[], Path],
    tmp_path: Path,
    pictures: Path,
) -> None:
    project, program = make_project(), make_project() / ".venv" / "bin" / "slm-lsp"
    (project / ".vscode").mkdir()
    (project / ".vscode" / "settings.json").write_text(json.dumps({"slm-lsp.model": str(tmp_path)}))
    window = make_code_server(**RESTRICTED).open(browser, project)
    window.says("not installed")
    window.picture(pictures / "offer.png")
    window.close()

    window = make_code_server(**RESTRICTED, slm_lsp__server__path=str(program)).open(browser, project)
    window.says("ready, smollm2-135m")
    begin(window, project / "user.py", USES_HELPER, "    ")
    window.command("slm-lsp: Show What the Model Sees Here")
    eventually(lambda: "tokens of context" in window.text(), "the context is shown")
    assert "helper.py" not in window.text()

    window.command("Workspaces: Manage Workspace Trust")
    trust = window.page.locator(".workspace-trust-editor a", has_text=re.compile("^Trust$"))

    def used() -> bool:
        # The page is drawn before it takes clicks.
        if trust.count():
            trust.first.click()
        return str(tmp_path) in window.status()

    eventually(used, "the model of the workspace is used: there is none")
    window.close()
