"""What the extension says of itself is what the server takes; needs no editor."""

import json
import runpy
from pathlib import Path

EXTENSION = Path(__file__).parents[3] / "editors" / "vscode"


def test_the_settings_are_those_of_the_server() -> None:
    """`python editors/vscode/scripts/settings.py` writes them."""
    manifest = json.loads((EXTENSION / "package.json").read_text("utf-8"))
    laid_over = runpy.run_path(str(EXTENSION / "scripts" / "settings.py"))["laid_over"]
    assert manifest == laid_over(manifest)


def test_a_restricted_window_keeps_back_what_names_a_path_a_program_or_a_model() -> None:
    manifest = json.loads((EXTENSION / "package.json").read_text("utf-8"))
    trust = manifest["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert {"slm-lsp.server.path", "slm-lsp.model", "slm-lsp.adapter"} <= set(
        trust["restrictedConfigurations"]
    )
