"""HumanEval-Infilling (Bavarian et al. 2022): each task's own test decides whether a completion is right.

The data is in ``data/``, under its own licence, from https://github.com/openai/human-eval-infilling.
"""

import gzip
import json
import random
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.decoding import ENDED
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import ALL_ON, Switches, run
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Trigger
from slm_lsp.completion.stopping import OneLine, RestMet, SuffixMet
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import UsageError
from slm_lsp.evaluation import sandbox
from slm_lsp.evaluation.report import Report, Row, digest, equipment, mean
from slm_lsp.evaluation.scoring import filled, rest_of_line, right, shown
from slm_lsp.text.lines import split as split_lines
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.healing import split as split_tail


@dataclass(frozen=True, slots=True)
class TaskSet:
    """One set of tasks, and what a user would have set to be given what it asks for.

    `lines` says whether the holes are whole lines. The user then stands on an empty line: the line break that
    ends the hole is there already. Otherwise the hole is a span from one character to another.
    """

    file: str
    lines: bool
    settings: Settings


# Time is no limit here, or a slower machine would be given other completions.
_DEFAULTS = Settings(time_limit=60_000, alternatives=1)

_SPANS = replace(_DEFAULTS, max_tokens=128, max_lines=30)

SETS = {
    "single-line": TaskSet("HumanEval-SingleLineInfilling.jsonl.gz", True, replace(_DEFAULTS, max_lines=1)),
    "multi-line": TaskSet("HumanEval-MultiLineInfilling.jsonl.gz", True, replace(_SPANS, max_tokens=192)),
    "random-span": TaskSet("HumanEval-RandomSpanInfilling.jsonl.gz", False, _SPANS),
    "random-span-light": TaskSet("HumanEval-RandomSpanInfillingLight.jsonl.gz", False, _SPANS),
}
"""The sets by name. In tokens of the embedded model, 64 hold every reference of the single lines, 192 hold
99.1% of the multiple lines (the longest has 267), and 128 hold 99.8% of the random spans (172)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One program with a hole between `prefix` and `suffix`, and the `test` that calls its `entry_point`."""

    id: str
    prefix: str
    reference: str
    suffix: str
    test: str
    entry_point: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: a set, or `limit` of its tasks drawn by `seed`, and with which parts of the product.

    With `ceiling` the references are played back in the model's place: what is lost then, stop rules and
    filters took.

    Raises:
        UsageError: there is no such set.
    """

    set_name: str
    limit: int | None = None
    seed: int = 0
    switches: Switches = ALL_ON
    ceiling: bool = False

    def __post_init__(self) -> None:
        if self.set_name not in SETS:
            raise UsageError(f"there is no set {self.set_name}; the sets are {', '.join(SETS)}.")

    @property
    def task_set(self) -> TaskSet:
        """The set that is measured."""
        return SETS[self.set_name]


def tasks(plan: Plan) -> list[Task]:
    """Read the tasks of a plan, in the set's own order.

    A smaller limit with the same seed draws some of those of a larger one.
    """
    data = gzip.decompress((files("slm_lsp.evaluation") / "data" / plan.task_set.file).read_bytes())
    rows = [json.loads(line) for line in data.splitlines()]
    drawn = random.Random(plan.seed).sample(range(len(rows)), len(rows))[: plan.limit]
    return [_task(rows[index]) for index in sorted(drawn)]


def request(task: Task, lines: bool) -> CompletionRequest:
    """Put the cursor where the hole is (see `TaskSet.lines`)."""
    document = tuple(split_lines(task.prefix + ("\n" if lines else "") + task.suffix))
    before = split_lines(task.prefix)
    snapshot = Snapshot("untitled:solution.py", "python", 0, document)
    return CompletionRequest(snapshot, len(before) - 1, len(before[-1]), Trigger.INVOKED)


def evaluate(model: LoadedModel, plan: Plan, chosen: Sequence[Task]) -> Iterator[Row]:
    """Yield a row for each task, in order; programs run while the model goes on with the next task.

    Raises:
        SlmLspError: programs can't be limited on this system.
        ModelError: the model failed.
    """
    sandbox.check()
    settings = plan.task_set.settings
    pending: deque[Future[Row]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="slm-sandbox")
    try:
        for task in chosen:
            asked = request(task, plan.task_set.lines)
            playing = _playing(model, task, asked, plan) if plan.ceiling else model
            started = time.perf_counter()
            result = run(playing, asked, settings, CancelToken(), plan.switches)
            ms = (time.perf_counter() - started) * 1e3
            pending.append(pool.submit(_judge, task, asked, result, ms, settings))
            while pending and pending[0].done():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def report(model: LoadedModel, plan: Plan, chosen: Sequence[Task], rows: list[Row]) -> Report:
    """Sum up the rows of a run."""
    settings = plan.task_set.settings
    about = {
        **equipment(model),
        "set": plan.set_name,
        "limit": plan.limit,
        "seed": plan.seed,
        "tasks": digest((task.id, task.reference) for task in chosen),
        "healing": plan.switches.healing,
        "filters": plan.switches.filters,
        "search": plan.switches.search,
        "ceiling": plan.ceiling,
        "max_tokens": settings.max_tokens,
        "max_lines": settings.max_lines,
    }
    summary: dict[str, Any] = {
        "tasks": len(rows),
        "pass@1": mean(rows, "passed"),
        **{name: mean(rows, name) for name in ("exact", "parses", "ended", "logprob", "tokens", "ms")},
        "stops": dict(Counter(row["stop"] for row in rows).most_common()),
        "verdicts": dict(Counter(row["verdict"] for row in rows).most_common()),
    }
    return Report("infilling", about, summary, rows)


def _task(row: dict[str, str]) -> Task:
    return Task(
        row["task_id"],
        row["prompt"],
        row["canonical_solution"],
        row["suffix"],
        row["test"],
        row["entry_point"],
    )


def _judge(
    task: Task, asked: CompletionRequest, result: CompletionResult, ms: float, settings: Settings
) -> Row:
    verdict = sandbox.run(f"{filled(asked, result)}\n{task.test}\ncheck({task.entry_point})\n")
    assert result.draft
    text, draft = shown(result), result.draft
    ends = {ENDED, RestMet.name, SuffixMet.name, *([OneLine.name] if settings.max_lines == 1 else [])}
    return {
        "id": task.id,
        "text": text,
        "stop": draft.stop,
        "verdict": verdict.value,
        "passed": verdict is sandbox.Verdict.PASSED,
        "exact": right(text, task.reference, rest_of_line(asked)),
        "parses": verdict is not sandbox.Verdict.SYNTAX,
        "ended": draft.stop in ends,
        "logprob": draft.logprob and round(draft.logprob, 4),
        "tokens": result.usage.decoded,
        "ms": round(ms, 1),
    }


def _playing(model: LoadedModel, task: Task, asked: CompletionRequest, plan: Plan) -> LoadedModel:
    """Return a model that writes the reference and then does as this one was taught to: end, or write on."""
    vocabulary = model.vocabulary
    before = asked.document.before(asked.line, asked.column)
    tail = split_tail(vocabulary.lead + before, vocabulary).tail if plan.switches.healing else ""
    rest = "" if model.format.fills else asked.document.after(asked.line, asked.column) + "\n"
    reference = task.reference.removesuffix("\n") if plan.task_set.lines else task.reference
    ids = vocabulary.encode(tail + reference + rest)
    return replace(model, engine=ScriptedEngine(lambda _: ids, logprob=0.0))
