"""How long after a key its ghost text is on the screen, beside the server's own time for the same request.

``python -m tests.editors.neovim.latency`` types lines of a real file into a real Neovim, a key at a time,
each after the answer to the one before, with the embedded model. Only keys that bring up new text count:
what is typed into is on the screen before the server is asked. `.ci/editors` installs the Neovim.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import typer

from tests.editors.neovim.conftest import COMMAND, init
from tests.editors.neovim.driver import ROOT, Neovim
from tests.editors.neovim.screen import Frame

LINES = ("total += posting.amount", "for entry in self.entries:", "names.add(posting.account)")

QUIET = 0.1
"""Seconds: between questions to the server, which Neovim must pass on, and until nothing more is drawn."""

PLAIN = """
    vim.lsp.config('slm-lsp', {{ cmd = {{ {cmd} }}, filetypes = {{ 'python' }}, root_markers = {{ '.git' }},
      init_options = {{ eagerness = 100, index = false }} }})
    vim.lsp.enable('slm-lsp')
    vim.lsp.inline_completion.enable()
"""
"""Neovim 0.12 without the plugin."""


def answered(editor: Neovim, column: int) -> dict[str, Any]:
    """Wait for the answer to the request at a column, and return what the server says of it."""
    while True:
        time.sleep(QUIET)
        entry = editor.command("slm-lsp.why", editor.lua("return vim.uri_from_bufnr(0)"))
        if entry and entry["column"] == column:
            return dict(entry)


def settled(editor: Neovim) -> Frame:
    """Wait until nothing more is drawn, and return what there is."""
    count = -1
    while count != len(editor.screen.frames):
        count = len(editor.screen.frames)
        time.sleep(QUIET)
    return editor.screen.frames[-1]


def typed(editor: Neovim, line: str) -> list[tuple[float, float]]:
    """Type a line; returns ms from the key to the screen, and of the server, for each key with new text."""
    editor.keys("<Esc>/return total<CR>O")
    settled(editor)
    editor.keys("<C-u>        ")
    settled(editor)
    times = []
    for index, key in enumerate(line):
        row = editor.screen.frames[-1].cursor[0]
        before = editor.screen.frames[-1].line(row)
        pressed = time.perf_counter()
        since = editor.keys(key)
        entry = answered(editor, 8 + index + 1)
        after = settled(editor).line(row)
        said = "        " + line[: index + 1]
        if not entry["items"] or after in (before, said) or not after.startswith(said):
            continue
        frame = next(frame for frame in editor.screen.frames[since:] if frame.line(row) == after)
        times.append(((frame.when - pressed) * 1e3, entry["ms"]))
    editor.keys("<Esc>u")
    return times


def measured(parts: Path, code: str) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "ledger.py")
        path.write_bytes((ROOT / "tests" / "samples" / "ledger.py").read_bytes())
        with Neovim(parts, Path(name), code, path) as editor:
            editor.ready()
            return [one for line in LINES for one in typed(editor, line)]


def main() -> None:
    """Measure both ways of the plugin, and Neovim without it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ghost", choices=("auto", "own", "plain"), action="append")
    chosen = parser.parse_args().ghost or ["auto", "own", "plain"]
    parts = Path(os.environ.get("SLM_LSP_EDITORS") or Path.home() / ".cache" / "slm-lsp-editors")
    typer.echo("             keys   key to screen   server's own   difference (medians, ms)")
    for ghost in chosen:
        code = init(ghost) if ghost != "plain" else PLAIN.format(cmd=", ".join(map(repr, COMMAND)))
        times = measured(parts, code)
        total, own, share = (
            median(values)
            for values in zip(*((screen, ms, screen - ms) for screen, ms in times), strict=True)
        )
        typer.echo(f"{ghost:10} {len(times):6} {total:15.1f} {own:14.1f} {share:12.1f}")


if __name__ == "__main__":
    main()
