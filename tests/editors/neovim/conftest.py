import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.editors.neovim.driver import ROOT, Neovim

KEYS = {
    "accept": "<Tab>",
    "accept_word": "<M-w>",
    "accept_line": "<M-l>",
    "next": "<M-n>",
    "previous": "<M-p>",
    "dismiss": "<C-]>",
    "trigger": "<M-t>",
}

COMMAND = [sys.executable, "-m", "slm_lsp", "serve"]

Start = Callable[..., Neovim]
"""Starts Neovim on a text."""


def init(ghost: str, **settings: object) -> str:
    """Return an ``init.lua`` with the plugin and the server of this tree."""
    options = {
        "cmd": COMMAND,
        "ghost": ghost,
        "keys": KEYS,
        "settings": {"eagerness": 100, "index": False, **settings},
    }
    return f"""
        vim.opt.rtp:append('{ROOT}/editors/neovim')
        -- An error is shown for a moment, and waits for no key.
        vim.o.messagesopt = 'wait:500,history:500'
        vim.o.laststatus = 2
        vim.o.statusline = "%f %{{v:lua.require'slm_lsp'.statusline()}}"
        require('slm_lsp').setup(vim.json.decode([==[{json.dumps(options)}]==]))
    """


@pytest.fixture(params=["auto", "own"])
def ghost(request: pytest.FixtureRequest) -> str:
    """Whose ghost text: with "auto" Neovim 0.12's machinery, with "own" what 0.11 gets."""
    return str(request.param)


@pytest.fixture
def scripted(parts: Path, tmp_path: Path, ghost: str) -> Iterator[Start]:
    """Opens a text with a server that answers as the test wants; see ``scripted.lua``."""
    started: list[Neovim] = []

    def start(text: str, answer: str, name: str = "ledger.py", before: str = "") -> Neovim:
        path = tmp_path / name
        path.write_bytes(text.encode())
        script = (Path(__file__).parent / "scripted.lua").read_text(encoding="utf-8")
        code = f"{init(ghost)}\n{script}\nscripted.answer = {answer}\n{before}"
        editor = Neovim(parts, tmp_path, code, path)
        started.append(editor)
        editor.until(lambda: editor.lua("return #vim.lsp.get_clients({ bufnr = 0 })"))
        return editor

    yield start
    for editor in started:
        with editor:
            pass
