"""The adapter that ships: its examples from the corpus, and its training, which runs for hours in the
background.

Its commands, after those of `slm_lsp.tuning.corpus` (each goes on where it was stopped)::

    python -m slm_lsp.tuning.shipped examples SOURCES RUN TASKS…
    python -m slm_lsp.tuning.shipped start RUN ADAPTER
    python -m slm_lsp.tuning.shipped train RUN [STEPS SINCE]
    python -m slm_lsp.tuning.shipped write RUN ADAPTER [MILESTONE]

``examples`` takes the unpacked corpus and the evaluation sets whose tasks must not be learned from. ``start``
lets a new run begin where an adapter ended, with the examples that it has not seen. ``train`` goes on at a
constant rate until it is stopped or, given STEPS, lets the rate fall from step SINCE on; while there is a
file ``RUN/PAUSE`` it waits. ``write`` takes the newest checkpoint, or a milestone of the run.
"""

import fcntl
import random
import signal
import sys
from pathlib import Path
from types import FrameType

from slm_lsp.errors import UsageError
from slm_lsp.models import adapter, store
from slm_lsp.models.known import EMBEDDED
from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning import corpus, dataset
from slm_lsp.tuning.dataset import Dataset
from slm_lsp.tuning.files import Tally
from slm_lsp.tuning.layout import layout
from slm_lsp.tuning.lean import fast_products
from slm_lsp.tuning.lora import Tuned, load_base
from slm_lsp.tuning.mixing import mix
from slm_lsp.tuning.overlap import Tasks, without_near_duplicates
from slm_lsp.tuning.trainer import Plan, Progress, Report, Trainer

RANK = 32
PARTS, PART_TOKENS = 5, 2_000_000
"""Sets of examples, and tokens in each; they are trained on in turn."""

HELD_OUT, HELD_OUT_TOKENS = 50, 60_000
"""One file in so many is held out, and so many tokens of examples are drawn from these."""

LICENCE = "Apache-2.0; tuned on the permissively licensed sources that corpus.json lists"


def examples(sources: Path, run: Path, tasks: list[Path]) -> None:
    """Write the held-out set and each of the `PARTS` that is not there yet."""
    tally = Tally()
    found = corpus.files(sources, tally)
    files = list(without_near_duplicates(Tasks.load(tasks).removed(found, tally), tally))
    print(tally, flush=True)  # noqa: T201 - a script
    random.Random(7).shuffle(files)
    held_out = files[::HELD_OUT]
    learned = [file for index, file in enumerate(files) if index % HELD_OUT]
    vocabulary = Vocabulary.load(_base())
    taught = layout(vocabulary)
    if not (run / "held-out").is_dir():
        dataset.write(
            run / "held-out", mix(held_out, vocabulary, taught, HELD_OUT_TOKENS, 2, corpus.SHARES), {}
        )
    for part in range(PARTS):
        folder = run / f"examples-{part}"
        if not folder.is_dir():
            drawn = mix(learned, vocabulary, taught, PART_TOKENS, 100 + part, corpus.SHARES)
            dataset.write(folder, drawn, {"part": part})
            print(folder, Dataset(folder).about, flush=True)  # noqa: T201 - a script


def trainer(run: Path, plan: Plan) -> Trainer:
    """Return the run's trainer, where its newest checkpoint left it."""
    base = _base()
    model = Tuned(load_base(base), RANK, layout(Vocabulary.load(base)), plan.seed, fast_products())
    # Training may begin with the first set: a later start finds more.
    sets = [Dataset(folder) for part in range(PARTS) if (folder := run / f"examples-{part}").is_dir()]
    if not sets:
        raise UsageError(f"{run} holds no examples; make them first with `examples`.")
    made = Trainer(model, sets, Dataset(run / "held-out"), run, plan)
    made.resume()
    return made


def start(run: Path, path: Path) -> None:
    """Write the run's first checkpoint: an adapter, and how far it came."""
    made = trainer(run, Plan())
    if made.progress.step:
        raise UsageError(f"{run} has begun; start in another folder.")
    begun = adapter.read(path)
    made.model.take(begun)
    made.progress = Progress(tokens=begun.about.tokens, epoch=begun.about.tokens // PART_TOKENS)
    made.save()


def train(run: Path, steps: int | None, since: int) -> None:
    """Train until the steps are done or the process is asked to stop."""
    # Two processes in one run would overwrite each other's checkpoints.
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        plan = Plan(steps=steps, since=since, decay=1.0 if steps else 0.0, milestone_tokens=250_000)
        made = trainer(run, plan)
        signal.signal(signal.SIGTERM, _stop)
        made.run(_told, lambda: (run / "PAUSE").exists())


def write(run: Path, path: Path, milestone: Path | None) -> None:
    """Write the adapter of the run's newest checkpoint, or of a milestone."""
    made = trainer(run, Plan())
    if milestone:
        made.take(milestone)
    about = adapter.About(
        base=EMBEDDED,
        fingerprint=adapter.fingerprint(made.model.base_tensors(adapter.FINGERPRINT)),
        rank=RANK,
        rename=dict(made.model.layout.rename),
        special=list(made.model.layout.trained),
        licence=LICENCE,
        tokens=made.progress.tokens,
        loss=round(made.validate().middle, 4),
    )
    adapter.write(path, adapter.Adapter(about, made.model.adapter_tensors()))


def _base() -> Path:
    return store.locate(EMBEDDED, form="dense", adapter=store.PUBLISHED).folder


def _told(report: Report) -> None:
    if report.progress.step % 10 and report.validation is None:
        return
    losses = report.losses
    print(  # noqa: T201 - a script
        f"step {report.progress.step} tokens {report.progress.tokens} prefix {losses.prefix:.3f} middle "
        f"{losses.middle:.3f} end {losses.end:.3f} {report.tokens_per_second:.0f} tokens/s rate "
        f"{report.learning_rate:.1e} {report.validation or ''}",
        flush=True,
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run one of the commands."""
    match sys.argv[1:]:
        case ["examples", sources, run, *tasks] if tasks:
            examples(Path(sources), Path(run), [Path(task) for task in tasks])
        case ["start", run, path]:
            start(Path(run), Path(path))
        case ["train", run]:
            train(Path(run), None, 0)
        case ["train", run, steps, since]:
            train(Path(run), int(steps), int(since))
        case ["write", run, path, *milestone] if len(milestone) < 2:
            write(Path(run), Path(path), Path(milestone[0]) if milestone else None)
        case _:
            raise UsageError(__doc__ or "")


if __name__ == "__main__":
    main()
