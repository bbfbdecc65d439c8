"""The pictures in the READMEs: ``python -m tests.editors.vscode.picture FOLDER`` takes them.

They show a real file, and what the embedded model suggests there under the default settings. It needs what
`tests.editors.vscode.latency` needs.
"""

import sys
from pathlib import Path
from typing import Any

from tests.editors.vscode.driver import eventually
from tests.editors.vscode.latency import ROOT, opened

USUAL: dict[str, Any] = {"slm_lsp__eagerness": 92, "[markdown]": {"editor.wordWrap": "on"}}
"""Defaults that the tests change."""

EDITOR = {"left": 52, "top": 92}
"""Where on the screen the editor begins, without the side bar."""


def main() -> None:
    """Take them."""
    folder = Path(sys.argv[1])
    with opened(**USUAL) as (window, project):
        window.page.set_viewport_size({"width": 760, "height": 420})
        file = project / "ledger.py"
        file.write_bytes((ROOT / "tests" / "samples" / "ledger.py").read_bytes())
        window.file(file)
        window.command("View: Toggle Primary Side Bar Visibility")
        window.go_to(47)
        window.type("x")
        window.page.wait_for_timeout(5000)  # in which the model reads the file
        window.press("Backspace")
        window.type("p")
        eventually(window.ghost, "ghost text")
        window.says("last answer")
        window.picture(folder / "ghost-text.png", **EDITOR)
        window.page.set_viewport_size({"width": 1000, "height": 600})
        window.press("Control+Alt+w")
        eventually(lambda: "shown" in window.text(), "the report")
        window.picture(folder / "why.png", left=524, top=36)


if __name__ == "__main__":
    main()
