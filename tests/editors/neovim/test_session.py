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

SUM = """
def {}(postings: list[Posting]) -> Decimal:
    total = Decimal(0)
    for posting in postings:
        total += {}
    return total
"""

SUMS = "from decimal import Decimal\n\nfrom ledger import Posting\n\n" + "\n".join(
    SUM.format(name, "" if name == "balance" else "posting.amount")
    for name in ("credit", "debit", "balance", "turnover")
)
"""A file that says itself what is missing: the tests are about the editor, not about what a model likes."""

AT_THE_SUM = "/total += $<CR>A"
"""Goes to the end of the line that is not finished, and begins to write there."""

STILL = {"memory": False, "timeLimit": 60_000, "contextTimeLimit": 10_000}
"""Settings under which the same is suggested on a slow machine, and whatever was written in other files."""

FOUND = f"vim.env.PATH = '{Path(sys.executable).parent}:' .. vim.env.PATH"
"""Puts the server on $PATH: its environment is that of the tests."""

QUIET = 2.0
"""Seconds in which a cursor that moved has been read around."""

_numbers = count()


@pytest.fixture(scope="module", params=["auto", "own"])
def running(
    request: pytest.FixtureRequest, parts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neovim]:
    """One Neovim for all tests with its ghost text: a start takes longer than what they do."""
    folder = tmp_path_factory.mktemp(f"neovim-{request.param}")
    path = folder / "first.py"
    path.write_text("x = 1\n", encoding="utf-8")
    with Neovim(parts, folder, init(request.param, **STILL), path) as editor:
        editor.ready()
        yield editor


@pytest.fixture
def editor(running: Neovim, tmp_path: Path) -> Neovim:
    """That Neovim on a file of its own."""
    return opened(running, tmp_path / f"sums{next(_numbers)}.py", SUMS)


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
    ghost = editor.shown()
    editor.sees("total += " + ghost)
    editor.keys(ghost[:2])
    editor.until(lambda: editor.ghost == ghost[2:])
    editor.keys("<M-w>")
    editor.until(lambda: not editor.nvim.current.line.endswith(ghost[:2]))
    word = editor.nvim.current.line.partition("total += " + ghost[:2])[2]
    assert re.fullmatch(r"\w+", word)
    assert editor.shown() == ghost[2 + len(word) :]
    editor.keys("<Tab>")
    editor.until(lambda: editor.nvim.current.line.endswith("total += " + ghost))
    assert editor.ghost == ""
    assert editor.command("slm-lsp.status")["counters"]["accepted"] == before + 2
    editor.keys("<Esc>u")
    editor.until(lambda: editor.nvim.current.line.endswith("total += " + ghost[: 2 + len(word)]))
    editor.keys("u")
    editor.until(lambda: editor.nvim.current.line.endswith("total += " + ghost[:2]))
    editor.keys("A")
    editor.until(lambda: editor.ghost == ghost[2:])
    editor.keys("<M-l><Tab>|")
    editor.until(lambda: re.search(re.escape(ghost) + r"\s+\|$", editor.nvim.current.line))


def test_where_the_cursor_rests_is_read_before_anything_is_asked(running: Neovim, tmp_path: Path) -> None:
    text = "\n".join(f"value_{number} = compute(value_{number - 1}, {number})" for number in range(1, 400))
    editor = opened(running, tmp_path / f"far{next(_numbers)}.py", text + "\n")

    def ahead() -> int:
        return int(editor.command("slm-lsp.status")["counters"]["ahead"])

    def quiet() -> bool:
        before = ahead()
        time.sleep(QUIET)
        return ahead() == before

    # Where it stands at first is read as well.
    editor.until(quiet)
    before = ahead()
    editor.keys("200G")
    editor.until(lambda: ahead() > before + 200)


def test_others_are_shown_and_what_is_dismissed_stays_away(editor: Neovim) -> None:
    editor.keys(AT_THE_SUM)
    editor.shown()
    since = editor.keys("<M-n>")
    editor.screen.wait(lambda frame: re.search(r"\(\d/\d\)", frame.text) is not None, since)
    editor.keys("<M-p>")
    editor.until(lambda: editor.ghost)
    dismissed = editor.again()
    assert dismissed
    editor.keys("<C-]>")
    editor.until(lambda: not editor.ghost)
    editor.until(lambda: editor.command("slm-lsp.status")["counters"]["rejected"])
    assert editor.again() != dismissed
    editor.keys("<M-t>")
    editor.shown()


def test_it_says_what_it_does_and_why(editor: Neovim) -> None:
    editor.keys(AT_THE_SUM)
    editor.shown()
    editor.sees(" ms")
    editor.keys("<Esc>:SlmLsp why<CR>")
    editor.sees("1 suggestion shown")
    editor.sees("prefill")
    editor.keys("j:SlmLsp status<CR>")
    editor.sees("model smollm2-135m")
    editor.keys("j:SlmLsp context<CR>")
    editor.sees("tokens of context")


def test_it_shows_what_the_model_sees_of_a_file_beyond_its_budget(running: Neovim, tmp_path: Path) -> None:
    editor = opened(running, tmp_path / "long.py", "import zlib\n" + 10 * SUMS)
    editor.keys("G:SlmLsp context<CR>")
    editor.sees("tokens of context")
    assert any(line.startswith("file · long.py · this file") for line in editor.lines)
    assert "import zlib" in editor.lines


def test_it_is_snoozed_and_switched_off_here_and_everywhere(editor: Neovim) -> None:
    def refused(reason: str) -> int:
        return int(editor.command("slm-lsp.status")["counters"]["reasons"].get(reason, 0))

    def silent(command: str, state: str, reason: str) -> None:
        before = refused(reason)
        editor.keys(f"<Esc>:SlmLsp {command}<CR>")
        editor.sees(f"slm: {state}")
        # A setting may still be on its way while the next key is pressed.
        editor.until(lambda: editor.again() == "" and refused(reason) > before)

    def back(command: str) -> None:
        editor.keys(f"<Esc>:SlmLsp {command}<CR>")
        editor.until(editor.again)

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
    editor.shown()
    editor.keys("<Esc>:SlmLsp restart<CR>")
    editor.until(lambda: number() not in (0, second))
    editor.keys("A")
    editor.shown()


def test_multibyte_text_and_tabs_in_a_real_file(running: Neovim, tmp_path: Path) -> None:
    text = "package main\n" + "".join(
        f'\nfunc {name}(länge int) int {{\n\tnote := "漢字 😀"\n\treturn länge * {value}\n}}\n'
        for name, value in (("größe", "faktor(länge)"), ("breite", "faktor(länge)"), ("höhe", ""))
    )
    editor = opened(running, tmp_path / "main.go", text)
    editor.keys("/länge \\* $<CR>A")
    shown = editor.shown()
    editor.sees("return länge * " + shown.split("\n")[0])
    editor.keys("<Tab>")
    editor.until(lambda: "\n".join(editor.lines).endswith(f"\treturn länge * {shown}\n}}"))
    assert editor.ghost == ""


def test_the_newcomers_path_word_for_word(parts: Path, tmp_path: Path, pictures: Path) -> None:
    # A checkout as step 1 leaves it, on a machine that has no other slm-lsp.
    checkout = tmp_path / "slm-lsp"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "slm-lsp").symlink_to(Path(sys.executable).parent / "slm-lsp")
    (checkout / "editors").symlink_to(ROOT / "editors")
    lines = block(ROOT / "editors" / "neovim" / "README.md", r"<!-- init -->\s*```lua\n(.*?)```")
    code = "vim.env.PATH = '/usr/bin:/bin'\n" + lines.replace("/path/to/slm-lsp", str(checkout))
    path = tmp_path / "sums.py"
    path.write_text(SUMS, encoding="utf-8")
    with Neovim(parts, tmp_path, code, path) as editor:
        editor.ready()
        editor.keys(AT_THE_SUM)
        ghost = editor.shown()
        frame = editor.sees("total += " + ghost)
        picture = svg(editor.screen, frame, range(len(frame.cells)))
        (pictures / "neovim.svg").write_text(picture, encoding="utf-8")
        editor.keys("<Tab>")
        editor.until(lambda: editor.nvim.current.line.endswith("total += " + ghost))


def test_completion_menus_have_the_suggestion_as_the_readme_says(parts: Path, tmp_path: Path) -> None:
    menu = block(ROOT / "editors" / "README.md", r"```lua\n(vim.o.completeopt.*?)```")
    path = tmp_path / "sums.py"
    path.write_text(SUMS, encoding="utf-8")
    with Neovim(parts, tmp_path, init("auto", completionPopup=True) + menu, path) as editor:
        editor.ready()
        editor.keys(AT_THE_SUM + "posting.")
        editor.until(lambda: editor.nvim.funcs.pumvisible())
        editor.keys("<C-n><C-y>")
        editor.until(lambda: re.search(r"total \+= posting\.\w+$", editor.nvim.current.line))


def test_vim_pack_installs_it_as_the_help_says(parts: Path, tmp_path: Path) -> None:
    help_text = ROOT / "editors" / "neovim" / "doc" / "slm-lsp.txt"
    pack = block(help_text, r"With \|vim.pack\|.*?>lua\n(.*?)\n<")
    pack = pack.replace("https://…/slm-lsp", f"file://{ROOT}")
    path = tmp_path / "sums.py"
    path.write_text(SUMS, encoding="utf-8")
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
    path = tmp_path / "sums.py"
    path.write_text(SUMS, encoding="utf-8")
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
