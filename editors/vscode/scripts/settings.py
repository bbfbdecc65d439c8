"""Writes the server's settings into the extension's package.json, as `slm_lsp.config` has them."""

import json
from pathlib import Path
from typing import Any

from slm_lsp.config import options, schema

MANIFEST = Path(__file__).parent.parent / "package.json"

OWN = ["slm-lsp.server.path", "slm-lsp.server.arguments"]
"""The extension's own settings that are taken from trusted workspaces only."""


def laid_over(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest with the server's settings in it."""
    guarded = [option.guarded for option in options().values()]
    properties, restricted = {}, list(OWN)
    for order, ((name, one), guard) in enumerate(zip(schema().items(), guarded, strict=True)):
        properties[name] = {**one, "scope": "machine-overridable" if guard else "window", "order": order}
        restricted += [name] if guard else []
    own, server = manifest["contributes"]["configuration"]
    trust = manifest["capabilities"]["untrustedWorkspaces"]
    return {
        **manifest,
        "capabilities": {
            **manifest["capabilities"],
            "untrustedWorkspaces": {**trust, "restrictedConfigurations": restricted},
        },
        "contributes": {
            **manifest["contributes"],
            "configuration": [own, {**server, "properties": properties}],
        },
    }


if __name__ == "__main__":
    manifest = laid_over(json.loads(MANIFEST.read_text("utf-8")))
    MANIFEST.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
