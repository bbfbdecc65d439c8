"""What users of other tools complain of, complaint by complaint, with the thread that it comes from."""

import asyncio

import pytest

from slm_lsp.completion.extent import Extent, extent, stop_rules
from slm_lsp.completion.filters import Candidate, chain, run
from slm_lsp.completion.gates import closed, closed_in
from slm_lsp.completion.request import Reason, Trigger
from slm_lsp.config import Settings
from slm_lsp.context.syntax import Region
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.completion.places import around, place, request
from tests.completion.test_pipeline import Bench
from tests.completion.test_typing import Desk, desk, shown, until
from tests.tokenizers import tokenizer

__all__ = ["desk"]  # a fixture


def left(marked: str, text: str, language: str = "python") -> str | Reason:
    one, _, reason = run(Candidate(text, True), place(marked, language), chain())
    return reason or one.text


def test_wrong_template() -> None:
    """continue#6637, tabby#2845: the format is found from the tokenizer, and no user has to name it."""
    assert detect(Vocabulary(tokenizer("qwen"))).family == "qwen"


def test_instruct_model_talks() -> None:
    """continue#6637: an instruct model wraps its code in a fence or answers in words."""
    assert left("x = 1\n¦", "```python\nx = 2\n```") is Reason.CHAT


async def test_generated_but_nothing_shown(desk: Desk) -> None:
    """continue#4218, llama.vscode#8: whatever is not shown has a reason that can be read."""
    await desk.ready()
    desk.answers = {"total = ": "<|endoftext|>\n"}
    assert (await desk.ask("total = ¦\n")).reason in (Reason.LEAK, Reason.EMPTY)
    entry = desk.service.why("file:///a")
    assert entry
    assert entry.reason
    assert entry.stages


async def test_a_request_for_each_keystroke(desk: Desk) -> None:
    """llama.vscode#161: what is typed of a suggestion asks the model nothing."""
    await desk.ready()
    whole = shown(await desk.ask("total = ¦\n"))
    for typed in range(1, len(whole)):
        desk.type(f"total = {whole[:typed]}¦\n")
        await desk.ask(f"total = {whole[:typed]}¦\n")
    assert len(desk.engine.prompts) == 1


async def test_the_editor_freezes(desk: Desk) -> None:
    """tabby#3641, continue#5055: the event loop answers while the engine is at work."""
    await desk.ready()
    desk.may_write.clear()
    running = asyncio.create_task(desk.ask("total = ¦\n"))
    await until(lambda: desk.engine.prompts)
    assert (await desk.ask("f(a)¦\n", uri="file:///b")).reason is Reason.AFTER_CLOSER
    desk.may_write.set()
    assert (await running).items


def test_duplicated_code() -> None:
    """vscode#187151, llama.vscode#13."""
    marked = "def f(items):\n    ¦\n    total = sum(items)\n    return total\n"
    assert left(marked, "total = sum(items)\n    return total") is Reason.REPEATS_SUFFIX


@pytest.mark.parametrize(
    ("marked", "text", "stays"), [("f(¦)\n", "a, b)", "a, b"), ("x = [¦]\n", "1, 2]", "1, 2")]
)
def test_duplicated_brackets(marked: str, text: str, stays: str) -> None:
    """tabby#2674."""
    assert left(marked, text) == stays


def test_wrong_indentation() -> None:
    """tabby#3263, llama.vscode#39, cody#5581: tabs in a file with tabs, and a dedent where it is due."""
    assert left("func f() {\n\tif a {¦\n\t}\n}\n", "\n        b()", "go") == "\n\t\tb()"
    bench = Bench()
    marked = "def f(a):\n    if a:\n        return b\n        ¦\n"
    (item,) = bench.complete(marked, "\n    return c\n").items
    assert (item.start, item.text) == (0, "    return c")


def test_too_many_lines() -> None:
    """vscode-copilot-release#7492: one line, unless a block begins; never more than the user allows."""
    assert extent(around("x = ¦\n"), Trigger.AUTOMATIC, True, 8) is Extent.LINE
    assert extent(around("def f():¦\n"), Trigger.INVOKED, True, 1) is Extent.LINE
    found = around("def f():\n    ¦\n")
    rules = stop_rules(found, Extent.BODY, Settings(max_lines=2), Trigger.AUTOMATIC, True)
    text = "a()\n    b()\n    c()\n"
    assert min(end for rule in rules if (end := rule.cut(text)) is not None) == len("a()\n    b()")


async def test_too_frequent(desk: Desk) -> None:
    """vscode-copilot-release#9986: there is a snooze, and it ends."""
    await desk.ready()
    desk.service.snooze(60)
    assert (await desk.ask("total = ¦\n")).reason is Reason.SNOOZED
    assert (await desk.ask("total = ¦\n", trigger=Trigger.INVOKED)).items
    desk.service.snooze(0)
    assert (await desk.ask("total = ¦\n")).items


def test_on_in_comments() -> None:
    """vscode#313003, cody#3038."""
    region = place("# Say ¦\n").region
    assert closed_in(region, "python", Trigger.AUTOMATIC, Settings()) is Reason.IN_COMMENT
    assert closed_in(Region.COMMENT, "python", Trigger.INVOKED, Settings(in_comments="off"))


def test_tab_steals_indentation() -> None:
    """vscode-copilot-release#13646: nothing that is only white space is suggested."""
    assert left("def f():\n¦\n", "        ") is Reason.EMPTY


async def test_flicker_while_typing(desk: Desk) -> None:
    """tabby#127, neovim#36529: what is shown stays, after a word of it was accepted too."""
    await desk.ready()
    whole = shown(await desk.ask("total = ¦\n"))
    for part in ("price", "price *", "price * count"[:-1]):
        desk.type(f"total = {part}¦\n")
        assert part + shown(await desk.ask(f"total = {part}¦\n")) == whole


def test_hallucinated_members() -> None:
    """vscode#263603: names that are found nowhere lower the rank, or hide the suggestion."""
    marked = "class A:\n    def f(self):\n        self.size = 1\n        return ¦\n"
    one, _, _ = run(Candidate("self.nothing.at_all()"), place(marked), chain())
    assert one.unknown == 2
    _, _, reason = run(Candidate("self.nothing.at_all()"), place(marked), chain(hide_unknown=True))
    assert reason is Reason.UNKNOWN_NAMES


async def test_secrets(desk: Desk) -> None:
    """vscode#278829: nothing is suggested in a file of secrets, whoever asks."""
    await desk.ready()
    asked = await desk.ask("TOKEN=¦\n", uri="file:///project/.env", trigger=Trigger.INVOKED)
    assert asked.reason is Reason.FILE_IGNORED


async def test_rejected_suggestions_come_back(desk: Desk) -> None:
    """cody#969."""
    await desk.ready()
    result = await desk.ask("total = ¦\n")
    desk.service.rejected(result.items[0].id)
    assert (await desk.ask("total = ¦\n")).reason is Reason.REJECTED_HERE


def test_special_tokens_leak() -> None:
    """Qwen3-Coder#99."""
    assert left("x = ¦\n", "total<|fim_middle|>x") == "total"


def test_slow_or_cold_models_give_no_feedback() -> None:
    """tabby#965: a request before the model is ready says so; the text is cut at a line's end in time."""
    assert Reason.LOADING.value == "the model is still loading"
    rules = stop_rules(around("f():¦\n"), Extent.BODY, Settings(time_limit=10), Trigger.AUTOMATIC, False)
    assert "time limit" in {rule.name for rule in rules}


def test_torn_code_behind_the_cursor() -> None:
    """Copilot's own rule: nothing where a suggestion would tear apart what follows."""
    assert closed(request("x = ¦y + z\n"), Settings()) is Reason.REST_OF_LINE
