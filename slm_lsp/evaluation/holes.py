"""Holes in the user's own code: what the product would have suggested where code already stands."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.context import Contexts
from slm_lsp.completion.cursor import look
from slm_lsp.completion.judging import CONFIDENCE
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import ALL_ON, Switches, run
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Trigger
from slm_lsp.config import Settings
from slm_lsp.context.workspace import Workspace
from slm_lsp.evaluation.files import read, source_files
from slm_lsp.evaluation.places import BLOCK_LINES, Hole, Kind, Places
from slm_lsp.evaluation.report import Report, Row, digest, equipment, mean, percentile
from slm_lsp.evaluation.scoring import (
    agreement,
    filled,
    identifiers,
    parse_errors,
    rest_of_line,
    right,
    shown,
    similarity,
)
from slm_lsp.evaluation.uses import Definitions, Use
from slm_lsp.text.lines import split as split_lines
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary

METRICS = ("shown", "exact", "similarity", "identifiers", "parses", "no_worse", "logprob", "tokens", "ms")

TRIES = 100
"""Files that are tried for one hole before its kind counts as used up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: `holes` places drawn by `seed` from the files at `path`, in some languages or all.

    Suggestions are asked for, unless they are to come by themselves (`automatic`): then gates and confidence
    have their say.
    """

    path: Path
    holes: int
    seed: int = 0
    languages: Collection[str] = ()
    switches: Switches = ALL_ON
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """A hole in a file; `name` is the file's path within the repository, `use` what the hole needs of it."""

    path: Path
    name: str
    language: str
    text: str
    hole: Hole
    use: Use = Use.OWN_FILE

    @property
    def id(self) -> str:
        """The file's name, and line and column of the hole, from 1."""
        before = split_lines(self.text[: self.hole.start])
        return f"{self.name}:{len(before)}:{len(before[-1]) + 1} {self.hole.kind.value}"

    @property
    def reference(self) -> str:
        """What stood in the hole."""
        return self.text[self.hole.start : self.hole.end]


def tasks(plan: Plan) -> list[Task]:
    """Draw the holes: the kinds in turn, files by their size, every other hole at a use of another file.

    There are fewer if the files have no more.

    Raises:
        UsageError: there is no source file.
    """
    files = source_files(plan.path, plan.languages)
    top = plan.path.resolve() if plan.path.is_dir() else plan.path.resolve().parent
    sizes = list(accumulate(path.stat().st_size + 1 for path, _ in files))
    rng = random.Random(plan.seed)
    known: dict[Path, tuple[str, Places] | None] = {}
    definitions = Definitions(files)
    found: dict[str, Task] = {}

    def draw(kind: Kind, use: Use) -> Task | None:
        for _ in range(TRIES):
            path, language = rng.choices(files, cum_weights=sizes)[0]
            if path not in known:
                text = read(path)
                known[path] = None if text is None else (text, Places(text, language))
            if (entry := known[path]) and (hole := entry[1].draw(kind, rng)):
                names = identifiers(language, entry[0], hole.start, hole.end)
                task = Task(path, path.relative_to(top).as_posix(), language, entry[0], hole, use)
                if definitions.use(path, language, names) is use and task.id not in found:
                    return task
        return None

    wanted = [(kind, use) for kind in Kind for use in Use]
    while wanted and len(found) < plan.holes:
        for one in wanted[: plan.holes - len(found)]:
            task = draw(*one)
            if task is None:
                wanted.remove(one)
            else:
                found[task.id] = task
    return sorted(found.values(), key=lambda task: (task.name, task.hole.start))


def request(task: Task, trigger: Trigger = Trigger.INVOKED) -> CompletionRequest:
    """Put the cursor into the file without what stood in the hole.

    The file's path goes with it: from there the pipeline can find other files of the repository.
    """
    before, after = task.text[: task.hole.start], task.text[task.hole.end :]
    lines = split_lines(before)
    document = Snapshot(task.path.as_uri(), task.language, 0, tuple(split_lines(before + after)), task.path)
    return CompletionRequest(document, len(lines) - 1, len(lines[-1]), trigger)


def settings(kind: Kind) -> Settings:
    """Return the settings for a kind of hole: the defaults, but one line only where one line is missing.

    Time is no limit, or a slower machine would be given other completions.
    """
    return Settings(
        max_lines=BLOCK_LINES if kind is Kind.BLOCK else 1,
        time_limit=60_000,
        context_time_limit=10_000,
        alternatives=1,
        memory=True,
        names=True,
    )


def evaluate(model: LoadedModel, plan: Plan, chosen: Sequence[Task]) -> Iterator[Row]:
    """Yield a row for each hole, in order.

    Raises:
        ModelError: the model failed.
    """
    trigger = Trigger.AUTOMATIC if plan.automatic else Trigger.INVOKED
    with repository(plan, model.vocabulary) as contexts:
        for task in chosen:
            asked = replace(request(task, trigger), contexts=contexts)
            if contexts:
                contexts.forget(asked.document.uri)  # no hole knows what another was shown
            started = time.perf_counter()
            result = run(model, asked, settings(task.hole.kind), CancelToken(), plan.switches)
            yield _row(task, asked, result, plan.switches, (time.perf_counter() - started) * 1e3)


@contextmanager
def repository(plan: Plan, vocabulary: Vocabulary) -> Iterator[Contexts | None]:
    """Index the repository anew, and remember it if that is asked for.

    None if nothing asks for it.
    """
    switches = plan.switches
    if not (switches.context or switches.memory or switches.names) or not plan.path.exists():
        yield None
        return
    root, workspace = plan.path.resolve(), Workspace()
    with tempfile.TemporaryDirectory(prefix="slm-lsp-") as folder:
        workspace.index(root if root.is_dir() else root.parent, Path(folder), watched=True)
        workspace.settle()
        contexts = Contexts(workspace)
        if plan.switches.memory:
            contexts.memory.settle(vocabulary, Settings().memory_size)
        try:
            yield contexts
        finally:
            contexts.shut_down()


def report(model: LoadedModel, plan: Plan, chosen: Sequence[Task], rows: list[Row]) -> Report:
    """Sum up the rows of a run: over all, by language, by kind of hole, and what each filter did."""
    about = {
        **equipment(model),
        "path": str(plan.path),
        "holes": plan.holes,
        "seed": plan.seed,
        "languages": sorted(plan.languages),
        "tasks": digest((task.id, task.text) for task in chosen),
        "filters": plan.switches.filters,
        "search": plan.switches.search,
        "automatic": plan.automatic,
        "memory": plan.switches.memory,
        "names": plan.switches.names,
        "context": sorted(part.value for part in plan.switches.context),
    }
    summary = {
        "all": _summary(rows),
        "languages": {name: _summary(some) for name, some in _grouped(rows, "language").items()},
        "kinds": {name: _summary(some) for name, some in _grouped(rows, "kind").items()},
        "uses": {name: _summary(some) for name, some in _grouped(rows, "use").items()},
        "filters": _verdicts(rows),
        "stages": _stages(rows),
    }
    return Report("holes", about, summary, rows)


def _row(
    task: Task, asked: CompletionRequest, result: CompletionResult, switches: Switches, ms: float
) -> Row:
    text, start, draft = shown(result), task.hole.start, result.draft
    # The model writes the indentation that stands before the hole anew, where it may choose another.
    lead = look(asked, free=switches.healing)[0].lead

    def fits(written: str) -> bool:
        return right(written.removeprefix(lead), task.reference, rest_of_line(asked))

    whole = filled(asked, result)
    after = start + len(whole) - (len(task.text) - len(task.reference))
    wanted = identifiers(task.language, task.text, start, task.hole.end)
    errors = parse_errors(task.language, whole) if text else None
    written, finished = draft.text if draft else "", _finished(result)
    return {
        "id": task.id,
        "language": task.language,
        "kind": task.hole.kind.value,
        "use": task.use.value,
        "reference": task.reference,
        "text": text,
        "reason": result.reason.name.lower() if result.reason else None,
        "stop": draft and draft.stop,
        "shown": bool(text),
        "exact": right(text, task.reference, rest_of_line(asked)),
        "similarity": similarity(text, task.reference),
        "identifiers": agreement(identifiers(task.language, whole, start, after), wanted),
        "parses": _at_most(errors, parse_errors(task.language, task.text)),
        "no_worse": _at_most(errors, parse_errors(task.language, "".join(asked.document.lines))),
        "logprob": draft and draft.logprob and round(draft.logprob, 4),
        "tokens": result.usage.decoded,
        "features": [round(value, 4) for value in result.features],
        "written": bool(written),
        "written_right": fits(written),
        "left": bool(finished),
        "finished": fits(finished),
        "ms": round(ms, 1),
        "filters": _filters(result, fits),
    }


def _finished(result: CompletionResult) -> str:
    """Return the text that the confidence judged: what the filters before it left."""
    texts = [one.text for one in result.filtered if one.filter != CONFIDENCE]
    return texts[-1] if texts else result.draft.text if result.draft else ""


def _at_most(errors: int | None, before: int | None) -> bool | None:
    return None if errors is None or before is None else errors <= before


def _filters(result: CompletionResult, fits: Callable[[str], bool]) -> dict[str, str]:
    """Return what each filter that changed the text did to it: "won" or "lost" a right answer, or neither.

    `fits` says whether a text is right.
    """
    text, verdicts = result.draft.text if result.draft else "", {}
    for one in result.filtered:
        was, is_ = fits(text), fits(one.text)
        if one.text != text:
            verdicts[one.filter] = "changed" if was == is_ else "lost" if was else "won"
        text = one.text
    return verdicts


def _verdicts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for name, verdict in row["filters"].items():
            counts.setdefault(name, Counter())[verdict] += 1
    return {name: {one: count[one] for one in ("won", "lost", "changed")} for name, count in counts.items()}


def _stages(rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    """Return how much is right of what the model wrote, of what the filters left, and of what was shown.

    `kept` is the share of the right answers among all that the model wrote.
    """
    right = sum(row["written_right"] for row in rows)
    stages = {"written": "written_right", "left": "finished", "shown": "exact"}
    found: dict[str, dict[str, float | None]] = {}
    for stage, good in stages.items():
        there = sum(row[stage] for row in rows)
        precision = sum(row[good] for row in rows) / there if there else None
        kept = sum(row[good] and row["written_right"] for row in rows) / right if right else None
        found[stage] = {"texts": there, "precision": precision, "kept": kept}
    return found


def _grouped(rows: Sequence[Row], key: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return dict(sorted(groups.items()))


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "holes": len(rows),
        **{metric: mean(rows, metric) for metric in METRICS},
        "p50_ms": percentile(rows, "ms", 50),
        "p95_ms": percentile(rows, "ms", 95),
    }
