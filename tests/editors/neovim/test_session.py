"""Neovim as it is used: with the real server and the embedded model, in real files."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.editors.neovim.conftest import init
from tests.editors.neovim.driver import ROOT, Neovim

pytestmark = [pytest.mark.editor, pytest.mark.model, pytest.mark.process]

LEDGER = (ROOT / "tests" / "samples" / "ledger.py").read_text(encoding="utf-8")

AT_THE_SUM = "/total += <CR>A"
"""Goes to a place where the embedded model is sure what comes next, and begins to write there."""

SUM = "posting.amount"


_numbers = count()


@pytest.fixture(scope="module", params=["auto", "own"])
def running(
    request: pytest.FixtureRequest, parts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neovim]:
    """One Neovim for all tests with its ghost text: a start takes longer than what they do."""
    folder = tmp_path_factory.mktemp(f"neovim-{request.param}")
    path = folder / "first.py"
    path.write_text("x = 1\n", encoding="utf-8")
    with Neovim(parts, folder, init(request.param), path) as editor:
        editor.ready()
        yield editor


@pytest.fixture
def editor(running: Neovim, tmp_path: Path) -> Neovim:
    """That Neovim on a file of its own."""
    return opened(running, tmp_path / f"ledger{next(_numbers)}.py", LEDGER)


def opened(editor: Neovim, path: Path, text: str) -> Neovim:
    path.write_text(text, encoding="utf-8")
    editor.keys("<Esc><Esc>:silent! only!<CR>")
    editor.nvim.command(f"edit! {path}")
    editor.ready()
    return editor


def test_a_suggestion_is_typed_into_accepted_by_parts_and_undone(editor: Neovim) -> None:
    before = editor.command("slm-lsp.status")["counters"]["accepted"]
    editor.keys(AT_THE_SUM)
    editor.sees("total += " + SUM)
    editor.keys("po")
    editor.until(lambda: editor.ghost == SUM[2:])
    editor.keys("<M-w>")
    editor.until(lambda: editor.nvim.current.line.endswith("total += posting"))
    assert editor.shown() == ".amount"
    editor.keys("<Tab>")
    editor.until(lambda: editor.nvim.current.line.endswith("total += posting.amount"))
    assert editor.ghost == ""
    assert editor.command("slm-lsp.status")["counters"]["accepted"] == before + 2
    editor.keys("<Esc>u")
    editor.until(lambda: editor.nvim.current.line.endswith("total += posting"))
    editor.keys("u")
    editor.until(lambda: editor.nvim.current.line.endswith("total += po"))
    editor.keys("A")
    editor.until(lambda: editor.ghost == SUM[2:])
    editor.keys("<M-l><Tab>|")
    editor.until(lambda: re.search(r"posting\.amount\s+\|$", editor.nvim.current.line))


def test_others_are_shown_and_what_is_dismissed_stays_away(editor: Neovim) -> None:
    editor.keys(AT_THE_SUM)
    first = editor.shown()
    since = editor.keys("<M-n>")
    editor.screen.wait(lambda frame: re.search(r"\(\d/\d\)", frame.text) is not None, since)
    editor.keys("<M-p>")
    editor.until(lambda: editor.ghost)
    editor.keys("<Esc>A")
    editor.until(lambda: editor.ghost == first)
    editor.keys("<C-]>")
    editor.until(lambda: not editor.ghost)
    editor.until(lambda: editor.command("slm-lsp.status")["counters"]["rejected"])
    editor.keys("<Esc>A")
    editor.until(lambda: editor.command("slm-lsp.why", editor.lua("return vim.uri_from_bufnr(0)"))["reason"])
    assert editor.ghost == ""
    editor.keys("<M-t>")
    editor.shown()


def test_it_says_what_it_does_and_why(editor: Neovim) -> None:
    editor.keys(AT_THE_SUM)
    editor.shown()
    editor.sees(" ms")
    editor.keys("<Esc>:SlmLsp why<CR>")
    editor.sees("1 suggestion shown")
    editor.sees("decode")
    editor.keys("j:SlmLsp status<CR>")
    editor.sees("model smollm2-135m")
    editor.keys("j:SlmLsp context<CR>")
    editor.sees("tokens of context")
    assert any("file · " in line for line in editor.lines)


def test_it_is_snoozed_and_switched_off_here_and_everywhere(editor: Neovim) -> None:

    def again() -> None:
        editor.keys("<Esc>u" + AT_THE_SUM)

    def refused(reason: str) -> int:
        return int(editor.command("slm-lsp.status")["counters"]["reasons"].get(reason, 0))

    def silent(state: str, reason: str) -> None:
        editor.sees(f"slm: {state}")
        requests = editor.command("slm-lsp.status")["counters"]["reasons"].get(reason, 0)
        again()
        editor.until(
            lambda: editor.command("slm-lsp.status")["counters"]["reasons"].get(reason, 0) > requests
        )
        assert editor.ghost == ""

    again()
    editor.shown()
    editor.keys("<Esc>:SlmLsp snooze 5<CR>")
    silent("snoozed 5 min", "snoozed")
    editor.keys("<Esc>:SlmLsp snooze 0<CR>")
    again()
    editor.shown()
    editor.keys("<Esc>:SlmLsp toggle language<CR>")
    silent("off", "language_off")
    editor.keys("<Esc>:SlmLsp toggle language<CR>")
    again()
    editor.shown()
    editor.keys("<Esc>:SlmLsp toggle<CR>")
    silent("off", "disabled")
    editor.keys("<Esc>:SlmLsp toggle<CR>")
    again()
    editor.shown()


def test_a_server_that_was_killed_comes_back(editor: Neovim) -> None:
    editor.keys(AT_THE_SUM)
    editor.shown()
    editor.kill_server()
    editor.until(lambda: not editor.lua("return #vim.lsp.get_clients({ name = 'slm-lsp' })") or None)
    assert editor.ghost == ""
    editor.ready()
    editor.keys("p")
    editor.until(lambda: editor.ghost == SUM[1:])
    editor.keys("<Esc>:SlmLsp restart<CR>")
    editor.ready()
    editor.keys("A")
    editor.until(lambda: editor.ghost == SUM[1:])


def test_multibyte_text_and_tabs_in_a_real_file(running: Neovim, tmp_path: Path) -> None:
    text = 'package main\n\nfunc größe(länge int) int {\n\tnote := "漢字 😀"\n\treturn länge *\n}\n'
    editor = opened(running, tmp_path / "main.go", text)
    editor.keys("/return<CR>A ")
    shown = editor.shown()
    editor.sees("return länge * " + shown.split("\n")[0])
    editor.keys("<Tab>")
    editor.until(lambda: editor.ghost == "" and editor.lines[4] != "\treturn länge * ")
    assert "\n".join(editor.lines[4:]).startswith("\treturn länge * " + shown.split("\n")[0])


def test_the_newcomers_path_word_for_word(parts: Path, tmp_path: Path) -> None:
    readme = (ROOT / "editors" / "neovim" / "README.md").read_text(encoding="utf-8")
    match = re.search(r"<!-- init -->\s*```lua\n(.*?)```", readme, re.DOTALL)
    assert match
    init = match[1].replace("/path/to/slm-lsp", str(ROOT))
    # The environment of step 1 is the one that runs the tests.
    init = f"vim.env.PATH = '{Path(sys.executable).parent}:' .. vim.env.PATH\n{init}"
    path = tmp_path / "ledger.py"
    path.write_text(LEDGER, encoding="utf-8")
    with Neovim(parts, tmp_path, init, path) as editor:
        editor.ready()
        editor.keys(AT_THE_SUM)
        editor.sees("total += " + SUM)
        editor.keys("<Tab>")
        editor.until(lambda: editor.nvim.current.line.endswith("total += " + SUM))


def test_health_and_help(editor: Neovim) -> None:
    editor.nvim.command("checkhealth slm_lsp")
    editor.until(lambda: "Attached to" in "\n".join(editor.lines))
    report = "\n".join(editor.lines)
    assert "ERROR" not in report
    assert "Ghost text: " in report
    editor.nvim.command("help slm-lsp-keys")
    assert "accept_word" in "\n".join(editor.lines)


def test_the_tags_of_the_help_are_those_of_its_text(parts: Path, tmp_path: Path) -> None:
    doc = ROOT / "editors" / "neovim" / "doc"
    (tmp_path / "slm-lsp.txt").write_bytes((doc / "slm-lsp.txt").read_bytes())
    subprocess.run(
        [parts / "nvim", "--headless", "-u", "NONE", f"+helptags {tmp_path}", "+q"], check=True, timeout=60
    )
    assert (tmp_path / "tags").read_text() == (doc / "tags").read_text()
