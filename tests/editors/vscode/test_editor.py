from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import CodeServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.editor


def test_it_opens_a_folder(
    code_server: CodeServer, browser: "Browser", tmp_path: Path, pictures: Path
) -> None:
    (tmp_path / "ledger.py").write_text("")
    window = code_server.open(browser, tmp_path)
    window.page.get_by_role("treeitem", name="ledger.py").wait_for()
    window.page.screenshot(path=pictures / "folder.png")
