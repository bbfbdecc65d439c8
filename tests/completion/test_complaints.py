"""What users of other tools complain of, complaint by complaint, with the thread that it comes from."""

import asyncio
import shutil
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from slm_lsp.completion.context import Contexts
from slm_lsp.completion.events import Happened
from slm_lsp.completion.extent import Extent, extent, stop_rules
from slm_lsp.completion.filters import Candidate, chain, run
from slm_lsp.completion.gates import closed, closed_in
from slm_lsp.completion.loading import load, make_ready
from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.request import CompletionRequest, Reason, Source, Trigger
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import Loading, State
from slm_lsp.config import Settings
from slm_lsp.context.syntax import Region
from slm_lsp.context.workspace import Workspace
from slm_lsp.engine.llama import native
from slm_lsp.errors import ModelNotFound
from slm_lsp.paths import CACHE_VARIABLE, cache_dir
from slm_lsp.prompt.formats import detect
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.completion.places import around, place, request
from tests.completion.test_pipeline import Bench
from tests.completion.test_typing import PATIENCE, Desk, desk, shown, until
from tests.models import tiny
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
    """vscode#313003, cody#3038: nor in strings, one that is not closed yet among them."""
    region = place("# Say ¦\n").region
    assert closed_in(region, "python", Trigger.AUTOMATIC, Settings()) is Reason.IN_COMMENT
    region = place('print("Say ¦\nx = 1\n').region
    assert closed_in(region, "python", Trigger.AUTOMATIC, Settings()) is Reason.IN_STRING
    assert closed_in(Region.COMMENT, "python", Trigger.INVOKED, Settings(in_comments="off"))


def test_tab_steals_indentation() -> None:
    """vscode-copilot-release#13646: nothing that is only white space is suggested."""
    assert left("def f():\n¦\n", "        ") is Reason.EMPTY


async def test_flicker_while_typing(desk: Desk) -> None:
    """tabby#127, neovim#36529: what is shown stays, byte for byte."""
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


async def test_slow_or_cold_models_give_no_feedback() -> None:
    """tabby#965: who asks before the model is ready is told so; the text is cut at a line's end in time."""
    may_load, told = threading.Event(), list[Loading]()

    def load(settings: Settings, progress: Progress) -> LoadedModel:
        progress(0.5, "half way")
        assert may_load.wait(PATIENCE)
        raise ModelNotFound("it is not here; run `slm-lsp models pull`")

    service = CompletionService(load, told.append)
    try:
        service.configure(Settings())
        assert (await service.complete(request("total = ¦\n"))).reason is Reason.LOADING
        await until(lambda: told[-1].fraction == 0.5)
    finally:
        may_load.set()
        service.close()
    rules = stop_rules(around("f():¦\n"), Extent.BODY, Settings(time_limit=10), Trigger.AUTOMATIC, False)
    assert "time limit" in {rule.name for rule in rules}


async def test_opaque_errors() -> None:
    """llm-ls#93, lsp-ai#57: what is wrong is said in words, with what to do about it."""

    def load(settings: Settings, progress: Progress) -> LoadedModel:
        raise ModelNotFound("it is not here; run `slm-lsp models pull`")

    service = CompletionService(load)
    try:
        service.configure(Settings())
        await until(lambda: service.loading.state is State.FAILED)
        assert (await service.complete(request("total = ¦\n"))).reason is Reason.NO_MODEL
        assert service.loading.message == "it is not here; run `slm-lsp models pull`"
        entry = service.why("file:///a")
        assert entry
        assert entry.reason
        assert entry.reason.value == "the model could not be loaded; run `slm-lsp doctor`"
    finally:
        service.close()


def test_offline_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """tabby#3539, #2856: a model on disk loads without a network, one that is not says so at once."""
    reached = []

    def refuse(*address: object) -> None:
        reached.append(address)
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    # All that this machine needs but the model: the kernels take long to compile.
    native.kernels(lambda done, doing: None)
    make_ready(lambda done, doing: None)
    shutil.copytree(cache_dir() / "kernels", tmp_path / "cache/kernels")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    tiny.write_gguf(tmp_path / "tiny.gguf", tiny.weights())
    load(Settings(model=str(tmp_path / "tiny.gguf"), cache_memory=16), lambda done, doing: None).close()
    with pytest.raises(ModelNotFound, match=r"slm-lsp models pull qwen2\.5-coder-0\.5b"):
        load(Settings(model="qwen2.5-coder-0.5b"), lambda done, doing: None)
    assert reached == []


async def test_memory(desk: Desk) -> None:
    """copilot-language-server-release#35: beyond a limit caches go, then requests are refused."""
    await desk.ready()
    await desk.ask("total = ¦\n")
    desk.service.configure(replace(desk.service.settings, memory_limit=1))
    assert (await desk.ask("total = ¦\n")).reason is Reason.MEMORY
    assert len(desk.engine.prompts) == 1
    desk.service.configure(replace(desk.service.settings, memory_limit=0))
    assert (await desk.ask("total = ¦\n")).source is Source.ENGINE


def test_other_files_are_not_used(tmp_path: Path) -> None:
    """continue#1952, llm-ls#51: what the code at the cursor uses of other files is shown to the model."""
    (tmp_path / "till.py").write_text("class Till:\n    def take(self, coins: int) -> None: ...\n")
    workspace = Workspace()
    workspace.index(tmp_path, tmp_path / "index", watched=True)
    bench, path = Bench(), tmp_path / "shop.py"
    text = ("from till import Till\n", "def pay(till: Till) -> None:\n", "    till.")
    document = Snapshot(path.as_uri(), "python", 1, text, path)
    try:
        workspace.open(document)
        workspace.settle()
        bench.ask(CompletionRequest(document, 2, 9, contexts=Contexts(workspace)), context_time_limit=10_000)
        assert "def take(self, coins: int)" in bench.prompt()
    finally:
        workspace.shut_down()


async def test_word_and_line_accept(desk: Desk) -> None:
    """tabby#127, neovim#36529: a word or a line can be accepted; the rest stays, and both are counted."""
    await desk.ready()
    desk.answers = {"if a:\n    ": "b()\n    c()\n"}
    item = (await desk.ask("if a:\n    ¦\n")).items[0]
    assert item.text == "b()\n    c()"
    desk.type("if a:\n    b()¦\n")
    desk.service.accepted(item.id, "line", len("b()"))
    rest = (await desk.ask("if a:\n    b()\n    ¦\n")).items[0]
    assert (rest.id, rest.text) == (item.id, "c()")
    desk.type("if a:\n    b()\n    c¦\n")
    desk.service.accepted(rest.id, "word", len("c"))
    assert shown(await desk.ask("if a:\n    b()\n    c¦\n")) == "()"
    accepted = [event for event in desk.events if event.what is Happened.ACCEPTED]
    assert [(event.kind, event.text) for event in accepted] == [("line", "b()"), ("word", "c")]
    assert len(desk.engine.prompts) == 1


def test_torn_code_behind_the_cursor() -> None:
    """Copilot's own rule: nothing where a suggestion would tear apart what follows."""
    assert closed(request("x = ¦y + z\n"), Settings()) is Reason.REST_OF_LINE
