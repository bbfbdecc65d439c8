"""What Neovim draws, as SVG: ``python -m tests.editors.neovim.picture FILE`` makes the README's picture."""

import os
import re
import sys
import tempfile
from html import escape
from itertools import groupby
from pathlib import Path

from tests.editors.neovim.conftest import init
from tests.editors.neovim.driver import ROOT, Neovim
from tests.editors.neovim.screen import WIDTH, Frame, Screen

CELL, LINE, BASE = 8.4, 18, 13
"""Pixels: the width of a cell at 14 pixels' type, the height of a line, and where in it the text stands."""


def svg(screen: Screen, frame: Frame, rows: range) -> str:
    """Draw some rows of a frame in their colours, with the cursor."""
    width, height = WIDTH * CELL, len(rows) * LINE
    background = _colour(screen.colours["background"])
    drawn = [f'<rect width="{width:.0f}" height="{height}" fill="{background}"/>']
    for at, row in enumerate(rows):
        column = 0
        for style, cells in groupby(frame.cells[row], key=lambda cell: cell[1]):
            run = list(cells)
            drawn += _run(screen, style, "".join(text for text, _ in run), column, at, len(run))
            column += len(run)
    row, column = frame.cursor
    x, y = column * CELL, (row - rows.start) * LINE
    drawn.append(f'<rect x="{x:.1f}" y="{y}" width="2" height="{LINE}" fill="#fff"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'font-family="monospace" font-size="14">\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def _run(screen: Screen, style: int, text: str, column: int, row: int, cells: int) -> list[str]:
    look = screen.styles.get(style, {})
    fore = look.get("foreground", screen.colours["foreground"])
    back = look.get("background", screen.colours["background"])
    if look.get("reverse"):
        fore, back = back, fore
    x, y, width = column * CELL, row * LINE, cells * CELL
    drawn = []
    if back != screen.colours["background"]:
        drawn.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{LINE}" fill="{_colour(back)}"/>'
        )
    weight = ' font-weight="bold"' if look.get("bold") else ""
    # Word by word, as spaces at the ends are not drawn; a sample's characters are each one cell wide.
    for word in re.finditer(r"\S+", text):
        place = f'x="{x + word.start() * CELL:.1f}" y="{y + BASE}" textLength="{len(word[0]) * CELL:.1f}"'
        drawn.append(f'<text {place} fill="{_colour(fore)}"{weight}>{escape(word[0])}</text>')
    return drawn


def _colour(number: int) -> str:
    return f"#{number:06x}"


def main() -> None:
    """Open a real file, type, and draw what is there, with the real model."""
    parts = Path(os.environ.get("SLM_LSP_EDITORS") or Path.home() / ".cache" / "slm-lsp-editors")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "ledger.py")
        path.write_bytes((ROOT / "tests" / "samples" / "ledger.py").read_bytes())
        code = init("auto") + "\nvim.o.hlsearch = false\nvim.cmd.cd(vim.fn.stdpath('config') .. '/..')"
        with Neovim(parts, Path(name), code, path) as editor:
            editor.ready()
            editor.keys("/total += <CR>A")
            editor.shown()
            editor.sees(" ms")
            frame = editor.screen.frames[-1]
            Path(sys.argv[1]).write_text(svg(editor.screen, frame, range(4, 24)), encoding="utf-8")


if __name__ == "__main__":
    main()
