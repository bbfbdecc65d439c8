"""One tuning run: files to examples, training with resume, a check against the untuned model, an adapter
file."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_lsp.errors import ModelInvalid, SlmLspError, UsageError
from slm_lsp.evaluation.compare import Difference
from slm_lsp.models import adapter, store
from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning import dataset, judge
from slm_lsp.tuning.dataset import Dataset
from slm_lsp.tuning.examples import File
from slm_lsp.tuning.files import Tally, collect
from slm_lsp.tuning.layout import Layout, layout
from slm_lsp.tuning.lean import fast_products
from slm_lsp.tuning.lora import Tuned, load_base
from slm_lsp.tuning.mixing import mix
from slm_lsp.tuning.overlap import Tasks, without_near_duplicates
from slm_lsp.tuning.trainer import Plan, Report, Trainer

MEMORY = 3.5e9
"""Bytes that tuning the embedded model takes at most: 0.5 GB of weights twice over (once as they are, once
side by side), 0.1 GB of LoRA with gradients and Adam's moments, about 1 MB for each token of a batch, and the
libraries."""

HELD_OUT = 0.08
"""Share of the files that are only ever measured."""

HELD_OUT_TOKENS = 24_000
"""Tokens of some hundred holes that are measured, before training and after it: about a minute each time on
two cores."""

PASS_TOKENS = 4_000_000
"""Tokens of examples in one pass over a large tree; a small one gives as many as its files hold."""

DRAWS_PER_TOKEN = 1.5
"""Tokens of examples drawn per token of source in one pass: holes fall elsewhere in each."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run's examples and the model they are for."""

    model: str
    folder: Path
    base: Path
    layout: Layout
    training: Dataset
    held_out: Dataset
    tally: Tally


def prepare(
    paths: list[Path], model: str, folder: Path, seed: int, tasks: Iterable[Path], told: Callable[[str], None]
) -> Prepared:
    """Build the examples of a run in `folder`, or take those that an interrupted run left there.

    Raises:
        UsageError: a path does not exist, or holds nothing to learn from.
        ModelError: the model is not on disk, or can't be tuned.
        SlmLspError: the folder holds another run, or can't be written.
    """
    files = store.locate(model, form="dense")
    if files.gguf is not None:
        raise ModelInvalid("tuning needs float weights; give the model's folder in Hugging Face layout.")
    vocabulary = Vocabulary.load(files.folder)
    taught = layout(vocabulary)
    wanted: dict[str, Any] = {"model": model, "seed": seed, "paths": [str(path.absolute()) for path in paths]}
    tally = Tally()
    if (folder / "examples").is_dir() and (folder / "held-out").is_dir():
        training = Dataset(folder / "examples")
        if {key: training.about.get(key) for key in wanted} != wanted:
            raise SlmLspError(f"{folder} holds another run; resume that one, or name another folder.")
    else:
        told("reading the files")
        found = collect(paths, tally)
        kept = list(without_near_duplicates(Tasks.load(tasks).removed(found, tally), tally))
        learned, measured = split(kept)
        if not learned or not measured:
            raise UsageError(
                f"there is too little to learn from ({_summary(tally)}); give folders with more source files."
            )
        told(f"{_summary(tally)}; drawing examples")
        size = round(sum(len(file.text) for file in learned) / 3.5 * DRAWS_PER_TOKEN)
        dataset.write(folder / "held-out", mix(measured, vocabulary, taught, HELD_OUT_TOKENS, seed), wanted)
        examples = mix(learned, vocabulary, taught, min(size, PASS_TOKENS), seed + 1)
        dataset.write(folder / "examples", examples, wanted)
    return Prepared(
        model, folder, files.folder, taught, Dataset(folder / "examples"), Dataset(folder / "held-out"), tally
    )


def evaluation_tasks() -> list[Path]:
    """Return the files of the evaluation tasks that come with the package, which must not be learned from."""
    return sorted((Path(__file__).parent.parent / "evaluation" / "data").glob("*.jsonl.gz"))


def split(files: list[File]) -> tuple[list[File], list[File]]:
    """Return the files to learn from and those to measure on: a file stays on its side whatever is added."""
    if len(files) < 2:
        return files, []

    def rank(file: File) -> float:
        return int.from_bytes(hashlib.sha256(file.path.encode()).digest()[:8], "big") / 2**64

    ranked = sorted(files, key=rank)
    measured = sum(rank(file) < HELD_OUT for file in files)
    measured = min(max(1, measured), len(files) - 1)
    return ranked[measured:], ranked[:measured]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The held-out holes without the adapter and with it, and its file; None if it was not better, so not
    written."""

    differences: list[Difference]
    path: Path | None


def train(
    prepared: Prepared,
    plan: Plan,
    rank: int,
    path: Path,
    told: Callable[[Report], None],
    paused: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train, going on from the run's newest checkpoint if there is one, and write the adapter if it is
    better.

    Raises:
        SlmLspError: a checkpoint is another model's, or the disk is full.
    """
    model = Tuned(load_base(prepared.base), rank, prepared.layout, plan.seed, fast_products())
    without = _untuned(model, prepared)
    trainer = Trainer(model, [prepared.training], prepared.held_out, prepared.folder, plan)
    trainer.resume()
    trainer.run(told, paused)
    differences = judge.compare(without, judge.measure(model, prepared.held_out))
    if not judge.better(differences):
        return Outcome(differences, None)
    about = adapter.About(
        base=prepared.model,
        fingerprint=adapter.fingerprint(model.base_tensors(adapter.FINGERPRINT)),
        rank=rank,
        rename=prepared.layout.rename,
        special=list(prepared.layout.trained),
        licence=f"that of {prepared.model} and of the sources it was tuned on",
        tokens=trainer.progress.tokens,
        loss=round(trainer.validate().middle, 4),
    )
    adapter.write(path, adapter.Adapter(about, model.adapter_tensors()))
    return Outcome(differences, path)


def _untuned(model: Tuned, prepared: Prepared) -> judge.Measured:
    """Measure the model as it is before training, once for a run and all its resumptions."""
    file = prepared.folder / "untuned.json"
    try:
        return judge.Measured.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError):
        measured = judge.measure(model, prepared.held_out, untuned=True)
        try:
            file.write_text(json.dumps(measured.to_json()), encoding="utf-8")
        except OSError as error:
            raise SlmLspError(f"{file} can't be written ({error.strerror}); free some space.") from error
        return measured


def _summary(tally: Tally) -> str:
    """Say how many files were taken and how many were left out, and why."""
    left = ", ".join(
        f"{count} {reason}" for reason, count in sorted(tally.left_out.items(), key=lambda row: -row[1])
    )
    return f"{tally.taken} files read" + (f", of which left out: {left}" if left else "")
