import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from slm_lsp.completion.confidence import FEATURES
from slm_lsp.completion.pipeline import Switches
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.evaluation.holes import Plan, Task, evaluate, report, request, settings, tasks
from slm_lsp.evaluation.places import Hole, Kind
from slm_lsp.evaluation.report import Report
from slm_lsp.evaluation.uses import Use
from slm_lsp.text.snippet import Part
from tests.evaluation.fakes import writing

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLES, tmp_path / "src")
    return tmp_path


def cut(marked: str, language: str = "python", kind: Kind = Kind.WHOLE_LINE) -> Task:
    """A task whose hole stands between « and »."""
    before, _, rest = marked.partition("«")
    inner, _, after = rest.partition("»")
    hole = Hole(kind, len(before), len(before) + len(inner))
    return Task(Path("/src/a"), "a", language, before + inner + after, hole)


def answer(task: Task, text: str, *, raw: bool = False) -> dict[str, Any]:
    """The row of one hole for which a model that sees the suffix writes a text."""
    plan = Plan(Path("/src"), 1, switches=Switches(filters=not raw, healing=False))
    (row,) = evaluate(writing(text, "qwen"), plan, [task])
    return row


def test_a_seed_draws_the_same_holes_of_every_kind(repository: Path) -> None:
    plan = Plan(repository, 40, 3)
    found = tasks(plan)
    assert found == tasks(plan)
    assert len({task.id for task in found}) == 40
    assert Counter(task.hole.kind for task in found) == dict.fromkeys(Kind, 10)
    assert {task.id for task in found} != {task.id for task in tasks(Plan(repository, 40, 4))}


def test_every_other_hole_needs_another_file_where_there_are_such(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("class Basket:\n    def total(self):\n        return 0\n", "utf-8")
    lines = "".join(f"    line_{number} = Basket().total()\n    print({number})\n" for number in range(20))
    (tmp_path / "till.py").write_text(f"def main():\n{lines}", "utf-8")
    found = tasks(Plan(tmp_path, 24))
    across = [task for task in found if task.use is Use.CROSS_FILE]
    assert len(across) >= len(found) / 3
    assert {task.name for task in across} == {"till.py"}


def test_it_says_how_much_is_right_before_the_filters_and_after_them() -> None:
    chosen = [cut("x = f(«a»)\ny = 2\n", kind=Kind.CALL), cut("«a = b(c)»\n")]
    plan = Plan(Path("/src"), 2, switches=Switches(healing=False))
    rows = list(evaluate(writing("a)\ny = 2", "qwen"), plan, chosen))
    stages = report(writing("", "qwen"), plan, chosen, rows).summary["stages"]
    assert stages["written"]["texts"] == stages["left"]["texts"] == 2
    assert stages["written"]["precision"] == 0
    assert stages["left"]["precision"] == stages["shown"]["precision"] == 0.5


def test_a_line_that_the_model_indents_itself_is_right_at_every_stage() -> None:
    """Where the editor put the indentation, the model writes it anew, and the hole begins behind it."""
    task = cut("def f(a):\n    b = a\n    «return b»\n")
    plan = Plan(Path("/src"), 1)
    (row,) = evaluate(writing("\n    return b\n", "qwen"), plan, [task])
    assert row["text"] == "return b"
    assert row["exact"]
    assert row["finished"]
    assert row["filters"].keys() <= {"blank lines"}


def test_languages_narrow_the_holes(repository: Path) -> None:
    found = tasks(Plan(repository, 20, languages=("go", "zig")))
    assert {task.language for task in found} == {"go", "zig"}
    assert {task.name for task in found} == {"src/queue.go", "src/greet.zig"}


def test_a_small_repository_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("a = f(b)\n", "utf-8")
    found = tasks(Plan(path, 50))
    assert {task.hole.kind for task in found} == {Kind.WHOLE_LINE, Kind.END_OF_LINE, Kind.CALL}
    assert len({task.id for task in found}) == len(found) < 50


def test_the_document_is_the_file_without_the_hole() -> None:
    task = cut("é = 1\r\nif é:\r\n    «f(é)»  # why\r\n")
    asked = request(task)
    assert (asked.line, asked.column) == (2, 4)
    assert "".join(asked.document.lines) == "é = 1\r\nif é:\r\n      # why\r\n"
    assert asked.document.path == Path("/src/a")
    assert task.id == "a:3:5 whole line"
    assert task.reference == "f(é)"


def test_blocks_alone_may_have_several_lines() -> None:
    assert {kind: settings(kind).max_lines > 1 for kind in Kind} == {
        kind: kind is Kind.BLOCK for kind in Kind
    }


def test_the_right_answer() -> None:
    row = answer(cut("def f(a):\n    «return a + self.b»\n"), "return a + self.b\n")
    assert (row["shown"], row["exact"], row["similarity"], row["identifiers"]) == (True, True, 1, 1)
    assert (row["parses"], row["no_worse"], row["reason"]) == (True, True, None)
    assert row["tokens"] > 0
    assert row["logprob"] == pytest.approx(-0.1)


def test_a_wrong_answer_that_parses() -> None:
    row = answer(cut("def f(a):\n    «return a + self.b»\n"), "return self.c")
    assert (row["exact"], row["parses"]) == (False, True)
    assert 0 < row["similarity"] < 1
    assert row["identifiers"] == pytest.approx(2 * 1 / (2 + 3))


def test_an_answer_that_tears_the_file() -> None:
    row = answer(cut("«a = f(1)»\n"), "a = f(1", raw=True)
    assert (row["parses"], row["no_worse"]) == (False, False)
    # What could not be parsed without the answer is no worse with it.
    row = answer(cut("def f(a):\n    x = «a»\n"), "= a")
    assert (row["parses"], row["no_worse"]) == (False, True)


def test_no_answer() -> None:
    row = answer(cut("a = «1»\n"), "\n")
    assert (row["shown"], row["exact"], row["similarity"], row["reason"]) == (False, False, 0, "empty")
    assert (row["parses"], row["no_worse"]) == (None, None)


def test_without_a_grammar_nothing_is_said_of_parsing() -> None:
    assert answer(cut("x = «y»\n", "zig"), "y")["parses"] is None


def test_line_endings_of_the_file_are_not_wrong() -> None:
    task = cut("if a:\r\n    «b()\r\n    c()»\r\n", kind=Kind.BLOCK)
    assert answer(task, "b()\n    c()\n\n")["exact"]


def test_what_each_filter_did_to_right_answers() -> None:
    call = cut("f(«a»)\n", kind=Kind.CALL)
    assert answer(call, "a)\n")["filters"] == {"rest of the line": "won"}
    assert answer(call, "b)\n")["filters"] == {"rest of the line": "changed"}
    assert answer(call, "a")["filters"] == {}
    space = cut("f(«a »)\n", kind=Kind.CALL)
    assert answer(space, "a ")["filters"] == {"trailing white space": "lost"}
    assert answer(space, "a ", raw=True)["exact"]
    assert answer(call, "a)\n", raw=True)["filters"] == {}


def test_a_report_sums_up_by_language_kind_and_filter(repository: Path) -> None:
    plan = Plan(repository, 24, 1)
    chosen = tasks(plan)

    def measure() -> Report:
        model = writing("x)\n", "qwen")
        return report(model, plan, chosen, list(evaluate(model, plan, chosen)))

    found = measure()
    summary = found.summary
    assert summary["all"]["holes"] == 24
    for group in ("languages", "kinds"):
        assert sum(one["holes"] for one in summary[group].values()) == 24
    assert summary["kinds"].keys() == {kind.value for kind in Kind}
    assert summary["all"]["p50_ms"] <= summary["all"]["p95_ms"]
    assert summary["filters"]["rest of the line"]["changed"] > 0
    assert json.loads(json.dumps(found.rows)) == found.rows
    again = measure()
    assert found.about == again.about
    assert [{**row, "ms": 0} for row in found.rows] == [{**row, "ms": 0} for row in again.rows]


def test_changed_code_gives_other_tasks(repository: Path) -> None:
    plan = Plan(repository, 4)
    model = writing("x")
    before = report(model, plan, tasks(plan), []).about["tasks"]
    for path in (repository / "src").iterdir():
        path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert report(model, plan, tasks(plan), []).about["tasks"] != before


def test_what_comes_by_itself_passes_the_gates_and_says_what_it_was_judged_by() -> None:
    (row,) = evaluate(writing("b"), Plan(Path("/src"), 1, automatic=True), [cut("x = 'a «b»'\n")])
    assert (row["shown"], row["reason"], row["features"]) == (False, "in_string", [])
    (row,) = evaluate(writing("bc"), Plan(Path("/src"), 1, automatic=True), [cut("a = «bc»\n")])
    assert row["finished"]
    assert len(row["features"]) == len(FEATURES)


def test_other_files_of_the_repository_are_shown_and_the_hole_is_not(tmp_path: Path) -> None:
    (tmp_path / "account.py").write_text("class Account:\n    def deposit(self, amount): ...\n", "utf-8")
    text = "from account import Account\n\n\ndef pay(account: Account) -> None:\n    secret_call()\n"
    (tmp_path / "main.py").write_text(text, "utf-8")
    at = text.index("secret_call()")
    hole = Hole(Kind.WHOLE_LINE, at, at + len("secret_call()"))
    task = Task(tmp_path / "main.py", "main.py", "python", text, hole)

    def prompt(context: frozenset[Part]) -> str:
        model = writing("pass", "qwen")
        list(evaluate(model, Plan(tmp_path, 1, switches=Switches(context=context)), [task]))
        assert isinstance(model.engine, ScriptedEngine)
        return model.vocabulary.decode(model.engine.prompts[-1])

    assert "def deposit(self, amount)" in prompt(frozenset(Part))
    assert "secret_call" not in prompt(frozenset(Part))
    assert "deposit" not in prompt(frozenset())
