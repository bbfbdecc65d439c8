"""What is shown beside the text at the cursor: in time, within its budget, the same from key to key."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.completion.context import Contexts
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import Switches, prefill, prompt_of, run
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason
from slm_lsp.config import Settings
from slm_lsp.context.workspace import Workspace
from slm_lsp.engine.interface import Usage
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.text.document import Change, Document, Span
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Found, Part
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

ACCOUNT = (
    "class Account:\n    def __init__(self, owner: str) -> None:\n        self.owner = owner\n\n"
    "    def deposit(self, amount: int) -> None:\n        self.balance += amount\n"
)
MAIN = "from account import Account\n\n\ndef pay(account: Account) -> None:\n    print(account.owner)\n    \n"
PATIENT = Settings(context_time_limit=10_000, prefix_tokens=1024)


def document(path: Path, text: str) -> Document:
    return Document(path.as_uri(), "python", 1, text, path=path)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace()
    made.add_folder(tmp_path)
    yield made
    made.shut_down()


@pytest.fixture
def contexts(workspace: Workspace) -> Contexts:
    return Contexts(workspace)


def model(family: str = "smollm-tuned") -> tuple[LoadedModel, ScriptedEngine]:
    vocabulary, engine = Vocabulary(tokenizer(family)), ScriptedEngine(lambda prompt: [])
    return LoadedModel("scripted", engine, vocabulary, detect(vocabulary)), engine


def asked(snapshot: Snapshot, contexts: Contexts, line: int = 5, column: int = 4) -> CompletionRequest:
    return CompletionRequest(snapshot, line, column, contexts=contexts)


def prompt(request: CompletionRequest, settings: Settings = PATIENT, family: str = "smollm-tuned") -> str:
    loaded, _ = model(family)
    return loaded.vocabulary.decode(prompt_of(loaded, request, settings).ids)


def detail(result: CompletionResult) -> str:
    return next(stage.detail for stage in result.stages if stage.name == "other context")


@pytest.fixture
def main(workspace: Workspace, tmp_path: Path) -> Snapshot:
    """A buffer that uses a class of another open buffer."""
    opened = document(tmp_path / "main.py", MAIN).snapshot()
    workspace.open(opened)
    workspace.open(document(tmp_path / "account.py", ACCOUNT).snapshot())
    workspace.settle()
    return opened


@pytest.mark.parametrize("family", ["smollm-tuned", "smollm", "qwen", "starcoder2", "mellum", "starcoder"])
def test_the_definition_in_another_buffer_is_shown_with_its_path(
    main: Snapshot, contexts: Contexts, family: str
) -> None:
    shown = prompt(asked(main, contexts), family=family)
    assert "account.py" in shown
    assert "def deposit(self, amount: int)" in shown
    assert shown.count("def pay(") == 1


def test_unsaved_edits_of_one_buffer_are_context_in_another_at_once(
    workspace: Workspace, contexts: Contexts, main: Snapshot, tmp_path: Path
) -> None:
    account = document(tmp_path / "account.py", ACCOUNT)
    before = prompt(asked(main, contexts))
    edits = account.apply([Change("    def withdraw(self, amount: int) -> int: ...\n", Span(6, 0, 6, 0))], 2)
    workspace.edit(account.snapshot(), edits)
    workspace.settle()
    assert "withdraw" not in before
    assert "def withdraw(self, amount: int) -> int" in prompt(asked(main, contexts))


def test_the_same_input_gives_the_same_prompt(main: Snapshot, workspace: Workspace) -> None:
    loaded, _ = model()
    prompts = {tuple(prompt_of(loaded, asked(main, Contexts(workspace)), PATIENT).ids) for _ in range(5)}
    assert len(prompts) == 1
    contexts = Contexts(workspace)
    assert {tuple(prompt_of(loaded, asked(main, contexts), PATIENT).ids) for _ in range(5)} == prompts


@pytest.mark.parametrize("tokens", [10, 40, 100, 300])
@pytest.mark.parametrize("family", ["smollm-tuned", "smollm", "starcoder"])
def test_the_context_keeps_to_its_budget(
    main: Snapshot, contexts: Contexts, tokens: int, family: str
) -> None:
    loaded, _ = model(family)
    settings = Settings(context_time_limit=10_000, context_tokens=tokens)
    made = prompt_of(loaded, asked(main, contexts), settings)
    assert made.context_tokens <= tokens + 2  # where two texts meet, tokens may come out otherwise


def test_none_of_it_if_the_settings_or_the_switches_say_so(main: Snapshot, contexts: Contexts) -> None:
    alone = prompt(CompletionRequest(main, 5, 4))
    assert prompt(asked(main, contexts), Settings(context_tokens=0)) == alone
    loaded, engine = model()
    run(loaded, asked(main, contexts), PATIENT, CancelToken(), Switches(context=frozenset()))
    assert loaded.vocabulary.decode(engine.prompts[-1]) == alone
    without = Switches(context=frozenset(Part) - {Part.DEFINITIONS})
    run(loaded, asked(main, contexts), PATIENT, CancelToken(), without)
    assert "deposit" not in loaded.vocabulary.decode(engine.prompts[-1])


def test_typing_a_line_costs_few_tokens_a_key(
    workspace: Workspace, contexts: Contexts, main: Snapshot, tmp_path: Path
) -> None:
    loaded, _ = model()
    typed, costs = document(tmp_path / "main.py", MAIN), []
    for at, key in enumerate("account.deposit(account.owner, amount=12)"):
        edits = typed.apply([Change(key, Span(5, 4 + at, 5, 4 + at))], 2 + at)
        workspace.edit(typed.snapshot(), edits)
        request = asked(typed.snapshot(), contexts, column=5 + at)
        costs.append(run(loaded, request, PATIENT, CancelToken()).usage.prefilled)
    assert costs[0] > 50
    assert median(costs) <= 4


FILE = "".join(f"def step_{at}(amount: int) -> int:\n    return amount + {at}\n\n\n" for at in range(80))
HALF = FILE.index("def step_40")


@pytest.mark.parametrize(
    ("line", "typed", "closed"),
    [
        ("total = step_1(amount", ")", ""),
        ("total = step_1(amount)", "\n    ", ""),
        ("total = ", "step_1(amount, 12) + step_2(7)", ""),
        ("total = step_1(amount)\n    ret", "", ""),
        ("total = step_1", "(", ")"),
        ("total = {step_1(amount)", "[", "]"),
        ("name = ", '"', '"'),
    ],
    ids=["typing on", "Enter", "accepting", "Backspace", "a bracket", "another bracket", "a quote"],
)
def test_a_key_costs_only_the_new_tokens(
    workspace: Workspace, contexts: Contexts, tmp_path: Path, line: str, typed: str, closed: str
) -> None:
    loaded, _ = model()
    before, after = f"{FILE[:HALF]}def run(amount: int) -> int:\n    {line}", f"\n\n\n{FILE[HALF:]}"

    def ask(before: str, after: str) -> CompletionResult:
        snapshot = document(tmp_path / "steps.py", before + after).snapshot()
        above = before.split("\n")
        request = asked(snapshot, contexts, len(above) - 1, len(above[-1]))
        return run(loaded, request, settings, CancelToken())

    settings = Settings(context_time_limit=10_000, in_strings="on")
    whole = ask(before, after).usage.prefilled
    assert whole > 600
    assert loaded.format.suffix_first
    now = before + typed if typed else before[:-1]
    cost = ask(now, closed + after).usage
    # The last token of a prompt is always computed, and what was healed off the end before is read now.
    healed = len(loaded.vocabulary.encode(line[line.rfind(" ") :]))
    assert cost.prefilled <= len(loaded.vocabulary.encode(typed)) + healed + 1
    assert cost.reused >= whole - healed - 1


def test_a_new_line_is_shown_its_own_context_once_that_was_read(
    workspace: Workspace, contexts: Contexts, tmp_path: Path
) -> None:
    loaded, _ = model()
    before, after = (
        f"{FILE[:HALF]}def run(amount: int) -> int:\n    total = step_1(amount)",
        f"\n\n\n{FILE[HALF:]}",
    )

    def at(before: str) -> CompletionRequest:
        above = before.split("\n")
        snapshot = document(tmp_path / "steps.py", before + after).snapshot()
        return asked(snapshot, contexts, len(above) - 1, len(above[-1]))

    def ask(before: str) -> CompletionResult:
        return run(loaded, at(before), PATIENT, CancelToken())

    class Late(CancelToken):
        def check(self) -> None:
            self.cancel()
            super().check()

    ask(before)
    entered = f"{before}\n    "
    assert detail(ask(entered)) == "kept until the cursor rests"
    with pytest.raises(Cancelled):
        prefill(loaded, at(entered), PATIENT, Late(), Usage())
    assert detail(ask(entered)) == "kept until the cursor rests"
    prefill(loaded, at(entered), PATIENT, CancelToken(), Usage())
    result = ask(f"{entered}x")
    assert detail(result) == "kept from the last request"
    assert result.usage.prefilled <= 3
    assert detail(ask(f"{entered}x\n\n\n\n")) == "found"


def test_a_bracket_that_was_there_before_is_shown(contexts: Contexts) -> None:
    for after, shown in (
        (")\nb", ")\nb"),
        ("\nb", "\nb"),
        (")\nb", "\nb"),
        ("))\nb", "\nb"),
        (")\nc", ")\nc"),
    ):
        assert contexts.suffix("file:///a", after) == shown


def test_a_line_further_down_keeps_what_was_shown(
    workspace: Workspace, contexts: Contexts, main: Snapshot, tmp_path: Path
) -> None:
    """The first key of a line would else cost a whole prompt: what was shown is still of use."""
    loaded, _ = model()
    typed, costs = document(tmp_path / "main.py", MAIN), []
    for line in range(5, 25):
        edits = typed.apply([Change("    count = 1\n", Span(line, 0, line, 0))], line)
        workspace.edit(typed.snapshot(), edits)
        workspace.settle()
        request = asked(typed.snapshot(), contexts, line=line, column=13)
        costs.append(run(loaded, request, PATIENT, CancelToken()).usage.prefilled)
        assert "def deposit" in prompt(request)
    assert median(costs) < costs[0] / 4


def test_what_is_late_is_left_out_and_there_for_the_next_request(
    workspace: Workspace, contexts: Contexts, main: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, find, futures = threading.Event(), workspace._find, list[Future[Found]]()

    def slowly(document: Snapshot, line: int, *more: Any) -> Found:
        assert released.wait(20)
        return find(document, line, *more)

    submitted = workspace.find

    def noted(document: Snapshot, line: int, *more: Any) -> "Future[Found]":
        futures.append(submitted(document, line, *more))
        return futures[-1]

    monkeypatch.setattr(workspace, "_find", slowly)
    monkeypatch.setattr(workspace, "find", noted)
    loaded, engine = model()
    settings = Settings(context_time_limit=1)
    first = run(loaded, asked(main, contexts), settings, CancelToken())
    released.set()
    futures[0].result(20)
    workspace._worker.submit(lambda: None).result(20)  # its callbacks have run
    second = run(loaded, asked(main, contexts), settings, CancelToken())
    assert "left out" in detail(first)
    assert detail(second) == "kept from the last request"
    texts = [loaded.vocabulary.decode(one) for one in engine.prompts]
    assert ["deposit" in text for text in texts] == [False, True]


def test_context_that_fails_costs_no_suggestion(
    workspace: Workspace, contexts: Contexts, main: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(document: Snapshot, line: int, *more: Any) -> Found:
        raise RuntimeError

    monkeypatch.setattr(workspace, "_find", fail)
    loaded, engine = model()
    assert "could not be found" in detail(run(loaded, asked(main, contexts), PATIENT, CancelToken()))
    assert engine.prompts


def test_names_of_other_buffers_and_of_the_index_are_known(
    workspace: Workspace, main: Snapshot, tmp_path: Path
) -> None:
    (tmp_path / "bank.py").write_text("class Bank:\n    def merge(self, other):\n        pass\n", "utf-8")
    assert workspace.index(tmp_path, tmp_path / "cache", watched=True)
    workspace.settle()
    asked_for = {"deposit", "Bank", "merge", "pay", "nothing"}
    assert workspace.defined(asked_for, main) == {"deposit", "Bank", "merge"}


def test_the_tree_that_followed_the_edits_serves_and_an_older_one_does_not(
    workspace: Workspace, contexts: Contexts, tmp_path: Path
) -> None:
    """A gate that needs the syntax decides alike with it: the file is not parsed anew for each request."""
    typed = document(tmp_path / "typed.py", MAIN)
    workspace.open(typed.snapshot())
    workspace.settle()
    older = typed.snapshot()
    edits = typed.apply([Change("# a note on ", Span(5, 4, 5, 4))], 2)
    assert workspace.tree(typed.snapshot()) is None
    workspace.edit(typed.snapshot(), edits)
    workspace.settle()
    assert workspace.tree(older) is None
    assert workspace.tree(typed.snapshot()) is not None
    loaded, _ = model()
    result = run(loaded, asked(typed.snapshot(), contexts, 5, 16), PATIENT, CancelToken())
    assert result.reason is Reason.IN_COMMENT
