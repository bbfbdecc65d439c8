"""What is drawn and inserted, character by character, with a server that answers as the test wants."""

import pytest

from tests.editors.neovim.conftest import Start
from tests.editors.neovim.driver import Neovim

pytestmark = pytest.mark.editor

SILENT = "scripted.delay = 1e6"
"""From now on nothing is answered: what is shown is what was left of the last answer."""


def goes_on(line: str) -> str:
    """Return an answer that goes on to write a line, wherever in it the cursor is."""
    return f"""function(before)
      local line = [==[\n{line}]==]
      return vim.startswith(line, before) and before ~= line and {{ line:sub(#before + 1) }} or {{}}
    end"""


def row(editor: Neovim, number: int = 0) -> str:
    return editor.screen.frames[-1].line(number)


def test_multibyte_text_is_typed_through_accepted_by_word_and_told_in_characters(scripted: Start) -> None:
    line = 'größe = "漢字 😀é" + naïveté'
    editor = scripted("", goes_on(line))
    editor.keys("igr")
    assert editor.shown() == line[2:]
    editor.sees(line)
    for count in range(3, 14):
        editor.keys(line[count - 1])
        editor.until(lambda count=count: editor.lines == [line[:count]])  # type: ignore[misc]
        assert editor.shown() == line[count:]
        assert row(editor) == line
    editor.keys("<M-w>")
    editor.until(lambda: editor.lines != [line[:13]])
    inserted = editor.lines[0][13:]
    assert line.startswith(line[:13] + inserted)
    told = editor.until(lambda: editor.lua("return scripted.commands"))
    assert told == [["slm-lsp.accepted", "item1", "word", len(inserted)]]
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == [line])
    told = editor.until(lambda: editor.lua("return scripted.commands[2]"))
    assert told == ["slm-lsp.accepted", "item1"]
    assert editor.nvim.current.window.cursor == (1, len(line.encode()))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_ranges_are_in_the_servers_units(scripted: Start, encoding: str) -> None:
    answer = """function(before, after, position)
      return { {
        insertText = 'x😀.upper()',
        range = { start = { line = 0, character = position.character - scripted.units }, ['end'] = position },
      } }
    end"""
    units = {"utf-8": 5, "utf-16": 3, "utf-32": 2}[encoding]
    before = f"scripted.encoding, scripted.units = '{encoding}', {units}"
    editor = scripted("é = x😀\n", answer, before=before)
    editor.keys("A")
    assert editor.shown() == ".upper()"
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == ["é = x😀.upper()"])


def test_nothing_flickers_while_what_is_shown_is_typed(scripted: Start) -> None:
    line = "total = sum(posting.amount for posting in entry.postings)"
    editor = scripted("", goes_on(line), before="scripted.delay = 40")
    editor.keys("it")
    editor.sees(line)
    first = len(editor.screen.frames)
    for key in line[1:30]:
        editor.keys(key)
        editor.until(lambda: len(editor.screen.frames) > first)
    editor.until(lambda: editor.lines == [line[:30]])
    editor.until(lambda: editor.lua("return scripted.asked") >= 10)
    seen = {frame.line(0) for frame in editor.screen.frames[first:]}
    assert seen == {line}


def test_typing_something_else_takes_it_away_at_once(scripted: Start) -> None:
    editor = scripted("", goes_on("total = 1"), before="scripted.delay = 300")
    editor.keys("it")
    editor.sees("total = 1")
    since = editor.keys("x")
    frame = editor.screen.wait(lambda frame: frame.line(0).startswith("tx"), since)
    assert frame.line(0) == "tx"


def test_an_answer_that_comes_after_the_next_key_is_dropped(scripted: Start) -> None:
    answer = "function(before) return { before == 'a' and 'STALE' or 'fresh' } end"
    editor = scripted("", answer, before="scripted.held = {}")
    editor.keys("ia")
    editor.until(lambda: editor.lua("return scripted.asked") == 1)
    editor.keys("b")
    editor.until(lambda: editor.lua("return scripted.asked") == 2)
    editor.lua("scripted.release()")
    editor.sees("abfresh")
    assert not any("STALE" in frame.text for frame in editor.screen.frames)


def test_leaving_insert_mode_cancels(scripted: Start) -> None:
    editor = scripted("", goes_on("total = 1"), before="scripted.held = {}")
    editor.keys("it")
    editor.until(lambda: editor.lua("return scripted.asked"))
    editor.keys("<Esc>")
    editor.until(lambda: editor.lua("return scripted.cancelled"))
    editor.lua("scripted.release()")
    assert editor.ghost == ""
    editor.keys("a")
    editor.sees("total = 1")
    editor.keys("<Esc>")
    editor.until(lambda: editor.ghost == "")


def test_tabs_are_drawn_to_the_tab_stops(scripted: Start) -> None:
    line = "\tif x {\t// one\n\t\treturn\n\t}"
    editor = scripted("", goes_on(line), name="main.go", before="vim.o.tabstop = 4")
    editor.keys("i<Tab>")
    editor.shown()
    editor.sees("return")
    assert [row(editor, number) for number in range(3)] == [
        "    if x {  // one",
        "        return",
        "    }",
    ]
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == line.split("\n"))
    editor.nvim.command("redraw!")
    assert row(editor, 0) == "    if x {  // one"


def test_brackets_after_the_cursor_stay_in_their_place(scripted: Start) -> None:
    answer = """function(before, after, position)
      local last = { line = position.line, character = position.character + #after }
      return before == 'print(' and after == ')'
        and { { insertText = 'len(x), 2)', range = { start = position, ['end'] = last } } } or {}
    end"""
    editor = scripted("print()\n", answer)
    editor.keys("A<Left>")
    editor.sees("print(len(x), 2)")
    editor.lua(SILENT)
    editor.keys("<M-w><M-w>")
    editor.until(lambda: editor.lines == ["print(len()"])
    editor.sees("print(len(x), 2)")
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == ["print(len(x), 2)"])


def test_several_lines_before_text_are_drawn_as_they_will_be(scripted: Start) -> None:
    answer = "function(before) return before == 'f(' and { 'a,\\n  b' } or {} end"
    editor = scripted("f() + 1\nnext\n", answer)
    editor.keys("lli")
    editor.sees("  b) + 1")
    assert [row(editor, number) for number in range(3)] == ["f(a,", "  b) + 1", "next"]
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == ["f(a,", "  b) + 1", "next"])


def test_lines_are_accepted_one_by_one(scripted: Start) -> None:
    answer = "function(before) return before == 'f:' and { '\\n  a = 1\\n  return é' } or {} end"
    editor = scripted("", answer)
    editor.keys("if:")
    editor.sees("return é")
    editor.lua(SILENT)
    editor.keys("<M-l>")
    editor.until(lambda: editor.lines == ["f:", "  a = 1"])
    assert editor.ghost == "\n  return é"
    editor.keys("<M-l>")
    editor.until(lambda: editor.lines == ["f:", "  a = 1", "  return é"])
    told = editor.until(lambda: editor.lua("return scripted.commands[2] and scripted.commands"))
    assert told == [["slm-lsp.accepted", "item1", "line", 8], ["slm-lsp.accepted", "item1"]]
    editor.keys("<Esc>u")
    editor.until(lambda: editor.lines == ["f:", "  a = 1"])


def test_the_line_endings_of_a_file_from_windows_are_not_inserted(scripted: Start) -> None:
    answer = "function(before) return before == 'f:' and { '\\r\\n  a = 1\\r\\n' } or {} end"
    editor = scripted("f:\r\ng\r\n", answer)
    assert editor.nvim.current.buffer.options["fileformat"] == "dos"
    editor.keys("A")
    editor.sees("  a = 1")
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == ["f:", "  a = 1", "", "g"])


def test_virtual_text_of_others_stays(scripted: Start) -> None:
    others = """
        vim.schedule(function()
          local namespace = vim.api.nvim_create_namespace('others')
          local function mark(col, marks)
            vim.api.nvim_buf_set_extmark(0, namespace, 0, col, marks)
          end
          mark(1, { virt_text = { { ': int' } }, virt_text_pos = 'inline' })
          mark(0, { virt_text = { { 'a warning' } } })
          mark(0, { virt_lines = { { { 'a lens' } } } })
        end)
    """
    editor = scripted("x = y\nnext\n", goes_on("x = y + 1"), before=others)
    editor.sees("a lens")
    editor.keys("A")
    editor.sees("x: int = y + 1 a warning")
    assert row(editor, 1) == "a lens"
    editor.keys("<Esc>")
    editor.until(lambda: row(editor) == "x: int = y a warning")


def test_others_are_shown_in_turn_and_asked_for_once(scripted: Start) -> None:
    answer = """function(before, after, position, kind)
      return before == 'x' and (kind == 1 and { ' = 1', ' = 2', ' = 3' } or { ' = 1' }) or {}
    end"""
    editor = scripted("", answer)
    editor.keys("ix")
    editor.sees("x = 1")
    editor.keys("<M-n>")
    editor.sees("x = 2 (2/3)")
    editor.keys("<M-n><M-n>")
    editor.sees("x = 1 (1/3)")
    editor.keys("<M-p>")
    editor.sees("x = 3 (3/3)")
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == ["x = 3"])
    assert editor.until(lambda: editor.lua("return scripted.commands")) == [["slm-lsp.accepted", "item3"]]


def test_which_of_how_many_it_is_stays_on_the_screen_however_long_it_is(scripted: Start) -> None:
    long = "a = 1" + 40 * r"\n  b = 2"
    editor = scripted("", f"function(before) return before == 'x' and {{ ' = 1', '{long}' }} or {{}} end")
    editor.keys("ix")
    editor.sees("x = 1")
    editor.keys("<M-n>")
    editor.sees("xa = 1 (2/2)")
    editor.keys("<M-n>")
    editor.sees("x = 1 (1/2)")


def test_dismissing_tells_the_server(scripted: Start) -> None:
    editor = scripted("", goes_on("total = 1"))
    editor.keys("it")
    editor.sees("total = 1")
    editor.keys("<C-]>")
    editor.until(lambda: editor.ghost == "")
    assert editor.until(lambda: editor.lua("return scripted.commands")) == [["slm-lsp.rejected", "item1"]]


def test_the_server_is_told_where_the_focus_is_and_whether_text_is_selected(scripted: Start) -> None:
    editor = scripted("x = 1\n", "function() return {} end")
    here = editor.lua("return vim.uri_from_bufnr(0)")
    editor.keys("viw")
    editor.until(lambda: editor.lua("return scripted.focus") == [here, True])
    editor.keys("<Esc>")
    editor.until(lambda: editor.lua("return scripted.focus") == [here, False])
    editor.nvim.command("edit other.py")
    editor.until(lambda: editor.lua("return scripted.focus[1]").endswith("other.py"))


def test_the_server_is_told_where_the_cursor_rests(scripted: Start) -> None:
    editor = scripted("x = 1\nπ = 𝜋 + 2\n", "function() return {} end")
    here = editor.lua("return vim.uri_from_bufnr(0)")
    editor.keys("j$")
    editor.until(lambda: editor.lua("return scripted.cursor") == [here, {"line": 1, "character": 9}])
    editor.keys("A3")
    editor.until(lambda: editor.lua("return scripted.cursor") == [here, {"line": 1, "character": 11}])


def test_keys_do_what_they_did_where_nothing_is_shown(scripted: Start) -> None:
    editor = scripted("", "function() return {} end", before="vim.o.expandtab = true")
    editor.keys("ia<Tab>b<C-]>c")
    editor.until(lambda: editor.lines == ["a   bc"])


def test_keys_that_were_mapped_keep_their_meaning_where_nothing_is_shown(scripted: Start) -> None:
    setup = """
        local slm = require('slm_lsp')
        vim.keymap.del('i', '<Tab>')
        vim.keymap.set('i', '<Tab>', function() return 'mapped' end, { expr = true })
        vim.keymap.del('i', '<C-]>')
        vim.keymap.set('i', '<C-]>', function() vim.g.called = true end)
        require('slm_lsp.keys').map({ accept = '<Tab>', dismiss = '<C-]>' }, slm)
    """
    editor = scripted("", goes_on("xy = 1"), before=setup)
    editor.keys("ia<Tab>b<C-]>")
    editor.until(lambda: editor.lines == ["amappedb"])
    editor.until(lambda: editor.nvim.vars.get("called"))
    editor.keys("<C-u>x")
    editor.sees("xy = 1")
    editor.keys("<Tab>")
    editor.until(lambda: editor.lines == ["xy = 1"])


@pytest.mark.parametrize("ghost", ["auto"])
def test_neovims_own_functions_work_on_what_is_shown(scripted: Start) -> None:
    editor = scripted("", goes_on("total = 1"), before="scripted.delay = 0")
    editor.keys("itot")
    editor.sees("total = 1")
    # What is typed since the answer must not come twice, as it does in Neovim by itself.
    editor.lua(SILENT)
    editor.keys("al")
    editor.until(lambda: editor.lines == ["total"])
    assert editor.lua("return vim.lsp.inline_completion.get()")
    editor.until(lambda: editor.lines == ["total = 1"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("{ ghosts = 'own' }", "slm-lsp has no option `ghosts`; see :help slm-lsp-options."),
        ("{ ghost = 'mine' }", 'The option `ghost` of slm-lsp must be "auto" or "own".'),
        ("{ keys = { take = '<Tab>' } }", "slm-lsp has no action `take` for a key; see :help slm-lsp-keys."),
        ("{ restarts = 'often' }", "The option `restarts` of slm-lsp must be a number."),
    ],
)
@pytest.mark.parametrize("ghost", ["auto"])
def test_a_wrong_option_is_told_in_a_sentence(scripted: Start, options: str, sentence: str) -> None:
    editor = scripted("", "function() return {} end")
    told = editor.lua(f"return select(2, pcall(require('slm_lsp').setup, {options}))")
    assert told == sentence
