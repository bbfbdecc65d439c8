"""Neovim as it is used: with the real server and the embedded model, in real files."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.editors.neovim.conftest import init
from tests.editors.neovim.driver import ROOT, Neovim
from tests.editors.neovim.picture import svg

pytestmark = [pytest.mark.editor, pytest.mark.model, pytest.mark.process]

LEDGER = (ROOT / "tests" / "samples" / "ledger.py").read_text(encoding="utf-8")

AT_THE_SUM = "/total += <CR>A"
"""Goes to a place where the embedded model is sure what comes next, and begins to write there."""

SUM = "posting.amount"


FOUND = f"vim.env.PATH = '{Path(sys.executable).parent}:' .. vim.env.PATH"
"""Puts the server on $PATH: its environment is that of the tests."""

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
    editor.keys("<Esc><Esc>")
    # What was done in another file is context, and must not be when a test begins.
    editor.nvim.command("silent! only! | %bwipeout!")
    editor.nvim.command(f"edit {path}")
    editor.ready()
    return editor


def block(path: Path, pattern: str) -> str:
    """Return the part of a document that is meant to be copied."""
    match = re.search(pattern, path.read_text(encoding="utf-8"), re.DOTALL)
    assert match
    return match[1]


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
    editor.shown()
    since = editor.keys("<M-n>")
    editor.screen.wait(lambda frame: re.search(r"\(\d/\d\)", frame.text) is not None, since)
    editor.keys("<M-p>")
    editor.until(lambda: editor.ghost)
    editor.keys("<Esc>A")
    editor.shown()
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


def test_it_is_snoozed_and_switched_off_here_and_everywhere(editor: Neovim) -> None:
    def refused(reason: str) -> int:
        return int(editor.command("slm-lsp.status")["counters"]["reasons"].get(reason, 0))

    def tried() -> str:
        editor.keys("<Esc>A")
        time.sleep(0.5)
        return editor.ghost

    def silent(command: str, state: str, reason: str) -> None:
        before = refused(reason)
        editor.keys(f"<Esc>:SlmLsp {command}<CR>")
        editor.sees(f"slm: {state}")
        # A setting may still be on its way while the next key is pressed.
        editor.until(lambda: tried() == "" and refused(reason) > before)

    def back(command: str) -> None:
        editor.keys(f"<Esc>:SlmLsp {command}<CR>")
        assert editor.until(tried) == SUM

    editor.keys(AT_THE_SUM)
    editor.shown()
    silent("snooze 5", "snoozed 5 min", "snoozed")
    back("snooze 0")
    silent("toggle language", "off", "language_off")
    back("toggle language")
    silent("toggle", "off", "disabled")
    back("toggle")


def test_a_server_that_was_killed_comes_back(editor: Neovim) -> None:
    def number() -> int:
        return int(editor.lua("return (vim.lsp.get_clients({ name = 'slm-lsp' })[1] or {}).id or 0"))

    editor.keys(AT_THE_SUM)
    editor.shown()
    first = number()
    editor.kill_server()
    editor.until(lambda: not editor.ghost)
    second = editor.until(lambda: number() not in (0, first) and number())
    # Nothing is pressed: what was not to be had before is asked for when the model is ready.
    editor.until(lambda: editor.ghost == SUM)
    editor.keys("<Esc>:SlmLsp restart<CR>")
    editor.until(lambda: number() not in (0, second))
    editor.keys("A")
    editor.until(lambda: editor.ghost == SUM)


def test_multibyte_text_and_tabs_in_a_real_file(running: Neovim, tmp_path: Path) -> None:
    text = 'package main\n\nfunc größe(länge int) int {\n\tnote := "漢字 😀"\n\treturn länge *\n}\n'
    editor = opened(running, tmp_path / "main.go", text)
    editor.keys("/return<CR>A ")
    shown = editor.shown()
    editor.sees("return länge * " + shown.split("\n")[0])
    editor.keys("<Tab>")
    editor.until(lambda: editor.ghost == "" and editor.lines[4] != "\treturn länge * ")
    assert "\n".join(editor.lines[4:]).startswith("\treturn länge * " + shown.split("\n")[0])


def test_the_newcomers_path_word_for_word(parts: Path, tmp_path: Path, pictures: Path) -> None:
    # A checkout as step 1 leaves it, on a machine that has no other slm-lsp.
    checkout = tmp_path / "slm-lsp"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "slm-lsp").symlink_to(Path(sys.executable).parent / "slm-lsp")
    (checkout / "editors").symlink_to(ROOT / "editors")
    lines = block(ROOT / "editors" / "neovim" / "README.md", r"<!-- init -->\s*```lua\n(.*?)```")
    code = "vim.env.PATH = '/usr/bin:/bin'\n" + lines.replace("/path/to/slm-lsp", str(checkout))
    path = tmp_path / "ledger.py"
    path.write_text(LEDGER, encoding="utf-8")
    with Neovim(parts, tmp_path, code, path) as editor:
        editor.ready()
        editor.keys(AT_THE_SUM)
        frame = editor.sees("total += " + SUM)
        picture = svg(editor.screen, frame, range(len(frame.cells)))
        (pictures / "neovim.svg").write_text(picture, encoding="utf-8")
        editor.keys("<Tab>")
        editor.until(lambda: editor.nvim.current.line.endswith("total += " + SUM))


def test_completion_menus_have_the_suggestion_as_the_readme_says(parts: Path, tmp_path: Path) -> None:
    menu = block(ROOT / "editors" / "README.md", r"```lua\n(vim.o.completeopt.*?)```")
    path = tmp_path / "ledger.py"
    path.write_text(LEDGER, encoding="utf-8")
    with Neovim(parts, tmp_path, init("auto", completionPopup=True) + menu, path) as editor:
        editor.ready()
        editor.keys(AT_THE_SUM + "posting.")
        editor.until(lambda: editor.nvim.funcs.pumvisible())
        editor.keys("<C-n><C-y>")
        editor.until(lambda: editor.nvim.current.line.endswith("total += posting.amount"))


def test_vim_pack_installs_it_as_the_help_says(parts: Path, tmp_path: Path) -> None:
    help_text = ROOT / "editors" / "neovim" / "doc" / "slm-lsp.txt"
    pack = block(help_text, r"With \|vim.pack\|.*?>lua\n(.*?)\n<")
    pack = pack.replace("https://…/slm-lsp", f"file://{ROOT}")
    path = tmp_path / "ledger.py"
    path.write_text(LEDGER, encoding="utf-8")
    # It asks before it installs.
    code = f"vim.fn.confirm = function() return 1 end\n{FOUND}\n{pack}"
    with Neovim(parts, tmp_path, code, path) as editor:
        editor.ready()
        editor.nvim.command("help slm-lsp-keys")
        assert editor.nvim.funcs.exists(":SlmLsp") == 2


def test_lazy_nvim_installs_it_as_the_help_says(parts: Path, tmp_path: Path) -> None:
    """No registry has lazy.nvim: what it does with the specification is done here."""
    help_text = ROOT / "editors" / "neovim" / "doc" / "slm-lsp.txt"
    lazy = block(help_text, r"With lazy.nvim.*?>lua\n(.*?)\n<")
    code = f"{FOUND}\nlocal plugin = {lazy}\nplugin.config({{ dir = '{ROOT}' }}, {{}})"
    path = tmp_path / "ledger.py"
    path.write_text(LEDGER, encoding="utf-8")
    with Neovim(parts, tmp_path, code, path) as editor:
        editor.ready()
        assert editor.nvim.funcs.exists(":SlmLsp") == 2


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
