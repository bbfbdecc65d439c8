import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.editors.vscode.driver import CHROMIUM, STILL, CodeServer, Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "editors" / "vscode"

HELPER = "class Account:\n    def deposit(self, amount: int) -> None: ...\n"


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright  # only `.ci/editors` installs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The extension as it is packaged for users."""
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run(["npm", "run", "--silent", "package"], cwd=EXTENSION, env=environment, check=True)
    return EXTENSION / "dist" / "slm-lsp.vsix"


@pytest.fixture(scope="session")
def make_code_server(
    parts: Path, vsix: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., CodeServer]]:
    """Starts a code-server with a profile of its own and the extension, under the settings that are named."""
    with ExitStack() as stack:

        def make(**settings: object) -> CodeServer:
            code_server = CodeServer(parts, tmp_path_factory.mktemp("code-server"), settings)
            code_server.install(vsix)
            return stack.enter_context(code_server)

        yield make


@pytest.fixture(scope="session")
def code_server(make_code_server: Callable[..., CodeServer]) -> CodeServer:
    return make_code_server(**STILL)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes a project with an environment of its own, in which the server is; returns its folder."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("project")
        shutil.copytree(ROOT / "slm_lsp" / "text", folder / "text")
        (folder / "helper.py").write_text(HELPER)
        program = folder / ".venv" / "bin" / "slm-lsp"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m slm_lsp "$@"\n')
        program.chmod(0o755)
        return folder

    return make


@pytest.fixture(scope="session")
def project(make_project: Callable[[], Path]) -> Path:
    return make_project()


@pytest.fixture(scope="session")
def shared(code_server: CodeServer, browser: "Browser", project: Path) -> Iterator[Window]:
    """A window on `project` whose server is ready."""
    window = code_server.open(browser, project)
    window.says("ready")
    yield window
    window.close()


@pytest.fixture
def window(shared: Window, pictures: Path, request: pytest.FixtureRequest) -> Iterator[Window]:
    """The shared window, with the settings as they were; its last sight is kept as a picture."""
    yield shared
    shared.picture(pictures / f"{request.node.name}.png")
    shared.press("Escape", "Escape")
    shared.command("View: Close All Editors")
