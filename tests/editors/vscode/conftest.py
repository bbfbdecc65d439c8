from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import CHROMIUM, CodeServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright  # only `.ci/editors` installs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def code_server(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeServer]:
    with CodeServer(parts, tmp_path_factory.mktemp("code-server")) as code_server:
        yield code_server
