import json
from dataclasses import replace

import pytest

from slm_lsp.completion.decoding import ENDED
from slm_lsp.completion.loading import load
from slm_lsp.completion.pipeline import Switches
from slm_lsp.config import Settings
from slm_lsp.errors import UsageError
from slm_lsp.evaluation.infilling import SETS, Plan, Task, evaluate, report, request, tasks
from slm_lsp.evaluation.report import Report
from tests.evaluation.fakes import writing

SINGLE = Plan("single-line")

LONG = " + ".join(first + second for first in "abcdefgh" for second in "klmnopqr")


def short(plan: Plan, count: int) -> list[Task]:
    """Tasks whose references fit the tests' small vocabularies."""
    return [task for task in tasks(plan) if len(task.reference) < 40][:count]


def measure(text: str, plan: Plan, chosen: list[Task], family: str = "smollm") -> Report:
    model = writing(text, family)
    return report(model, plan, chosen, list(evaluate(model, plan, chosen)))


@pytest.mark.parametrize(
    ("name", "count"),
    [("single-line", 1033), ("multi-line", 5815), ("random-span", 1640), ("random-span-light", 164)],
)
def test_the_sets_are_whole(name: str, count: int) -> None:
    plan = Plan(name)
    assert len(tasks(plan)) == count
    assert all(task.reference.endswith("\n") for task in tasks(plan)) == plan.task_set.lines


def test_a_seed_draws_the_same_tasks_and_a_smaller_limit_some_of_them() -> None:
    ten, five, other = (tasks(Plan("random-span", limit, seed)) for limit, seed in ((10, 1), (5, 1), (10, 2)))
    assert ten == tasks(Plan("random-span", 10, 1))
    assert set(five) < set(ten)
    assert ten != other


def test_an_unknown_set_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="there is no set lines; the sets are single-line, "):
        Plan("lines")


@pytest.mark.parametrize("name", SETS)
def test_the_reference_at_the_cursor_gives_the_whole_program(name: str) -> None:
    for task in tasks(Plan(name, 50)):
        lines = SETS[name].lines
        asked = request(task, lines)
        before = asked.document.before(asked.line, asked.column)
        after = asked.document.after(asked.line, asked.column)
        reference = task.reference.removesuffix("\n") if lines else task.reference
        assert before == task.prefix
        assert before + reference + after == task.prefix + task.reference + task.suffix


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("family", ["smollm", "qwen"])
def test_references_pass_where_the_rules_let_them_through(name: str, family: str) -> None:
    plan = Plan(name, ceiling=True)
    spans = [task for task in short(plan, 300) if task.reference.strip()]
    # Without the suffix, a model has no right to lines that go on in the middle of another.
    fills = family == "qwen"
    ends = "\n" if plan.task_set.lines else ""
    chosen = [task for task in spans if fills or "\n" not in task.reference.removesuffix(ends)][:3]
    rows = measure("", plan, chosen, family).rows
    assert [(row["passed"], row["exact"], row["parses"]) for row in rows] == [(True, True, True)] * 3


def test_references_pass_without_healing_and_filters_too() -> None:
    plan = Plan("single-line", switches=Switches(healing=False, filters=False), ceiling=True)
    assert measure("", plan, short(plan, 2)).summary["pass@1"] == 1


def test_wrong_completions_fail() -> None:
    found = measure("raise ValueError\n", SINGLE, short(SINGLE, 3), "qwen")
    assert found.summary["pass@1"] == 0
    assert found.summary["verdicts"] == {"syntax": 2, "raised": 1}
    assert found.summary["parses"] == pytest.approx(1 / 3)


def test_what_ended_the_text_is_counted() -> None:
    chosen = short(SINGLE, 2)
    lines, ends, torn = (measure(text, SINGLE, chosen, "qwen").summary for text in ("x\ny\n", "x", LONG))
    assert (lines["ended"], lines["stops"]) == (1, {"end of the line": 2})
    assert (ends["ended"], ends["stops"]) == (1, {ENDED: 2})
    assert (torn["ended"], torn["stops"]) == (0, {"token limit": 2})
    # What follows in the cursor's own line is met as what follows below is.
    spans = Plan("random-span")
    task = next(one for one in short(spans, 50) if one.suffix.partition("\n")[0].strip())
    met = measure(f"x{task.suffix.partition(chr(10))[0]}\ny\n", spans, [task], "qwen").summary
    assert (met["ended"], met["stops"]) == (1, {"met the rest of the line": 1})
    # The end of a line says nothing of whether several were wanted.
    multi = Plan("multi-line")
    block = measure("    x\ny\n", multi, short(multi, 1)).summary
    assert (block["ended"], block["stops"]) == (0, {"end of the block": 1})


def test_two_runs_find_the_same() -> None:
    chosen = short(SINGLE, 3)
    one, other = (measure("return x\n", SINGLE, chosen) for _ in range(2))
    assert [{**row, "ms": 0} for row in one.rows] == [{**row, "ms": 0} for row in other.rows]
    assert one.about == other.about


def test_a_report_says_what_was_measured() -> None:
    plan = Plan("single-line", 2, 7, Switches(healing=False))
    about = measure("x\n", plan, tasks(plan)).about
    assert (about["set"], about["limit"], about["seed"]) == ("single-line", 2, 7)
    assert (about["healing"], about["filters"], about["model"]) == (False, True, "scripted")
    again = measure("y\n", plan, tasks(plan)).about
    assert about["tasks"] == again["tasks"]
    other = replace(plan, seed=8)
    assert about["tasks"] != measure("y\n", other, tasks(other)).about["tasks"]


def test_rows_hold_plain_values() -> None:
    found = measure("x\n", SINGLE, short(SINGLE, 1))
    assert json.loads(json.dumps(found.rows)) == found.rows


@pytest.mark.model
def test_the_real_model_completes_tasks_by_the_products_path() -> None:
    model = load(Settings(), lambda fraction, message: None)
    plan = Plan("single-line", 3)
    rows = list(evaluate(model, plan, tasks(plan)))
    assert len(rows) == 3
    assert all(row["tokens"] > 0 and row["logprob"] < 0 for row in rows)
    assert any(row["ended"] for row in rows)
    again = list(evaluate(model, plan, tasks(plan)))
    assert [row["text"] for row in again] == [row["text"] for row in rows]
