import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slm_lsp.cli.main import main
from slm_lsp.evaluation.infilling import Plan, Task, tasks
from tests.evaluation.fakes import writing


@dataclass(frozen=True)
class Outcome:
    """What a user of the command gets."""

    code: int
    out: str
    err: str


Invoke = Callable[..., Outcome]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    def invoke(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["slm-lsp", "eval", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit:
            main()
        out, err = capsys.readouterr()
        assert isinstance(exit.value.code, int)
        return Outcome(exit.value.code, out, err)

    return invoke


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the model write a given text wherever it is asked."""

    def writes(text: str) -> None:
        monkeypatch.setattr(
            "slm_lsp.completion.loading.load", lambda settings, progress: writing(text, "qwen")
        )

    writes("return x\n")
    return writes


@pytest.fixture
def source(tmp_path: Path, writes: Callable[[str], None]) -> Path:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "a.py").write_text("def f(x):\n    return x\n\n\ndef g(x):\n    return f(x)\n", "utf-8")
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@pytest.mark.usefixtures("writes")
def test_infilling_prints_a_table_and_writes_the_rows(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    outcome = invoke("infilling", "--limit", 3, "--seed", 5, "--json", path)
    assert outcome.code == 0
    assert outcome.err == ""
    for part in ("single-line, scripted", "tasks", "pass@1", "ended by itself", "stopped: end of the line"):
        assert part in outcome.out
    data = read(path)
    assert (data["about"]["limit"], data["about"]["seed"], len(data["rows"])) == (3, 5, 3)
    assert "return x" in {row["text"] for row in data["rows"]}


@pytest.mark.usefixtures("writes")
def test_parts_of_the_product_can_be_left_out(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    outcome = invoke("infilling", "--limit", 1, "--raw", "--no-healing", "--greedy", "--json", path)
    assert "without healing, without filters, without search" in outcome.out
    assert [read(path)["about"][part] for part in ("healing", "filters", "search")] == [False] * 3


@pytest.mark.usefixtures("writes")
def test_the_ceiling_plays_the_references(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(plan: Plan) -> list[Task]:
        return [task for task in tasks(plan) if len(task.reference) < 30][:1]

    monkeypatch.setattr("slm_lsp.evaluation.infilling.tasks", short)
    outcome = invoke("infilling", "--ceiling")
    assert "single-line, the references in the place of scripted\n" in outcome.out
    assert "test: passed" in outcome.out


def test_holes_prints_tables_by_language_and_kind(invoke: Invoke, source: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    outcome = invoke("holes", source, "--holes", 8, "--json", path)
    assert outcome.code == 0
    for part in ("all", "python", "whole line", "inside a call", "block", "edit similarity", "p95 ms"):
        assert part in outcome.out
    assert len(read(path)["rows"]) == 8
    right = [row for row in read(path)["rows"] if row["reference"] == "return x"]
    assert all(row["exact"] for row in right)


def test_too_few_holes_are_said(invoke: Invoke, source: Path) -> None:
    outcome = invoke("holes", source, "--holes", 500)
    assert outcome.code == 0
    assert "different holes only" in outcome.err


def test_two_runs_are_compared(
    invoke: Invoke, source: Path, tmp_path: Path, writes: Callable[[str], None]
) -> None:
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    invoke("holes", source, "--holes", 12, "--json", a)
    writes("pass\n")
    invoke("holes", source, "--holes", 12, "--json", b)
    outcome = invoke("compare", a, b)
    assert outcome.code == 0
    (exact,) = (line for line in outcome.out.splitlines() if "exact match" in line)
    assert "to" in exact
    assert exact.split()[-1] in ("worse", "noise")
    same = invoke("compare", a, a)
    assert "no more than noise" in same.out
    assert "better" not in same.out
    assert "worse" not in same.out.replace("parses no worse", "")


def test_runs_over_several_repositories_are_compared_as_one(
    invoke: Invoke, source: Path, tmp_path: Path, writes: Callable[[str], None]
) -> None:
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
        for seed in (1, 2):
            invoke(
                "holes", source, "--holes", 8, "--seed", seed, "--json", tmp_path / folder / f"{seed}.json"
            )
        writes("pass\n")
    outcome = invoke("compare", tmp_path / "before", tmp_path / "after", "--by", "kind")
    assert outcome.code == 0
    exact = [line.split() for line in outcome.out.splitlines() if "exact match" in line]
    counted = {
        " ".join(words[: words.index("exact")]): int(words[words.index("match") + 1]) for words in exact
    }
    assert counted.pop("all") == 16 == sum(counted.values())
    assert {"block", "whole line"} < set(counted)
    assert invoke("compare", tmp_path / "before", tmp_path / "after", "--by", "colour").code == 2


def test_bad_input_is_one_sentence(invoke: Invoke, source: Path, tmp_path: Path) -> None:
    empty, text, other = tmp_path / "empty", tmp_path / "a.txt", tmp_path / "other.json"
    empty.mkdir()
    text.write_text("{", "utf-8")
    (empty / "a.py").write_text("# Nothing.\n", "utf-8")
    invoke("holes", source, "--holes", 4, "--json", other)
    invoke("holes", source, "--holes", 4, "--seed", 1, "--json", tmp_path / "b.json")
    for arguments, said in {
        ("holes", tmp_path / "nowhere"): "there is no ",
        ("holes", empty): "has no code to cut holes into",
        ("holes", source, "--languages", "rust"): "has no source file in rust",
        ("holes", source, "--json", tmp_path): "is a folder",
        ("infilling", "--set", "lines"): "there is no set lines",
        ("infilling", "--json", tmp_path / "no" / "a.json"): "there is no folder",
        ("infilling", "--model", ""): "--model must be",
        ("compare", text, text): "is not JSON",
        ("compare", other, tmp_path / "none.json"): "No such file",
        ("compare", other, empty): "holds no .json file",
        ("compare", other, tmp_path / "b.json"): "differ in seed",
    }.items():
        outcome = invoke(*arguments)
        assert outcome.code == 2
        assert outcome.err.startswith("slm-lsp: ")
        assert said in outcome.err
        assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["infilling", "--limit", "0"], ["holes"], ["holes", ".", "--holes", "0"]]
)
def test_bad_usage_is_exit_code_2(invoke: Invoke, arguments: list[str]) -> None:
    assert invoke(*arguments).code == 2
