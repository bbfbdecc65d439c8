"""The training loop: warm up, stay, decay; stop at a budget or a kill, and go on from there."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from slm_lsp.errors import SlmLspError
from slm_lsp.tuning import checkpoint
from slm_lsp.tuning.dataset import Dataset
from slm_lsp.tuning.lora import Loss, Tuned


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    The learning rate warms up over `warm_up` steps, stays, and falls to a twentieth over the last `decay`
    share of the budget, in `steps` or `seconds`, whichever is nearer its end (warm-up, stable, decay: Hu et
    al. 2024, "MiniCPM"). Without a budget it stays, and the run can be resumed with one that counts from step
    `since`.
    """

    batch_tokens: int = 1024
    learning_rate: float = 1e-3
    warm_up: int = 60
    steps: int | None = None
    since: int = 0
    decay: float = 0.3
    seconds: float | None = None
    seed: int = 1
    checkpoint_seconds: float = 600.0
    milestone_tokens: int | None = None
    validation_tokens: int = 500_000


@dataclass(slots=True)
class Progress:
    """Where a run stands: what is saved with it."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean losses in nats per token."""

    prefix: float
    middle: float
    end: float


@dataclass(frozen=True, slots=True)
class Report:
    """What the loop tells after a step."""

    progress: Progress
    losses: Losses
    tokens_per_second: float
    learning_rate: float
    part_done: float | None
    validation: Losses | None = None


class Trainer:
    """Trains a model within a folder that holds its checkpoints, milestones and log.

    The datasets are taken in turn, one for each epoch.
    """

    def __init__(
        self, model: Tuned, training: Sequence[Dataset], held_out: Dataset, folder: Path, plan: Plan
    ) -> None:
        self.model, self.folder, self.plan = model, folder, plan
        self._training, self._held_out = training, held_out
        self._names = [name for name, _ in model.trained()]
        self._parameters = [parameter for _, parameter in model.trained()]
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
        )
        self.progress = Progress()

    def resume(self) -> bool:
        """Go on from the newest checkpoint of the folder; return whether there was one.

        Raises:
            SlmLspError: the checkpoint belongs to another model.
        """
        found = checkpoint.load(self.folder)
        if found is None:
            return False
        state, parameters, moments = found
        by_name = dict(self.model.trained())
        if {name: value.shape for name, value in parameters.items()} != {
            name: value.shape for name, value in by_name.items()
        }:
            raise SlmLspError(f"the run in {self.folder} is of another model or rank; choose another folder.")
        with torch.no_grad():
            for name, value in parameters.items():
                by_name[name].copy_(value)
        checkpoint.restore_moments(self._optimizer, self._names, moments)
        self.progress = Progress(**state["progress"])
        return True

    def take(self, milestone: Path) -> None:
        """Take the weights of one of the run's milestones, in place of the newest."""
        from safetensors.torch import load_file

        by_name = dict(self.model.trained())
        with torch.no_grad():
            for name, value in load_file(milestone).items():
                by_name[name].copy_(value)
        self.progress = Progress(tokens=int(milestone.stem.rpartition("-")[2]))

    def run(self, told: Callable[[Report], None], paused: Callable[[], bool] = lambda: False) -> None:
        """Train until the budget is spent; a checkpoint is written at the end and on KeyboardInterrupt."""
        progress, plan = self.progress, self.plan
        saved = time.monotonic()
        data, order = self._epoch()
        try:
            while not self._done():
                while paused():
                    time.sleep(2)
                if progress.batch >= len(order):
                    progress.epoch, progress.batch = progress.epoch + 1, 0
                    data, order = self._epoch()
                before = progress.tokens
                report = self._step(data, order[progress.batch])
                if _passed(plan.validation_tokens, before, progress.tokens):
                    report = replace(report, validation=self.validate())
                if plan.milestone_tokens and _passed(plan.milestone_tokens, before, progress.tokens):
                    self._milestone()
                self._log(report)
                told(report)
                if time.monotonic() - saved > plan.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()

    def validate(self) -> Losses:
        """Return the losses on the held-out examples."""
        with torch.inference_mode():
            parts = [
                self.model.loss(self._held_out.batch(batch))
                for batch in self._held_out.batches(0, 4 * self.plan.batch_tokens)
            ]
        return _mean(parts)

    def save(self) -> None:
        """Write a checkpoint."""
        checkpoint.save(
            self.folder,
            self.progress.step,
            {"progress": asdict(self.progress), "plan": asdict(self.plan)},
            dict(self.model.trained()),
            checkpoint.moments_of(self._optimizer, self._names),
        )

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        plan, progress = self.plan, self.progress
        rate = plan.learning_rate * min(1.0, (progress.step + 1) / plan.warm_up)
        if (part := self.part_done()) is not None and part > 1 - plan.decay:
            rate *= max(0.05, (1 - part) / plan.decay)
        return rate

    def part_done(self) -> float | None:
        """Return how much of the budget is spent, from 0 to 1, or None without one."""
        plan, progress = self.plan, self.progress
        parts = []
        if plan.steps is not None:
            parts.append((progress.step - plan.since) / max(1, plan.steps - plan.since))
        if plan.seconds is not None:
            parts.append(progress.seconds / plan.seconds)
        return max(parts, default=None)

    def _done(self) -> bool:
        part = self.part_done()
        return part is not None and part >= 1

    def _epoch(self) -> tuple[Dataset, list[NDArray[np.int64]]]:
        data = self._training[self.progress.epoch % len(self._training)]
        return data, data.batches(self.plan.seed + self.progress.epoch, self.plan.batch_tokens)

    def _step(self, data: Dataset, indices: NDArray[np.int64]) -> Report:
        progress = self.progress
        started = time.monotonic()
        for group in self._optimizer.param_groups:
            group["lr"] = rate = self.rate()
        batch = data.batch(indices)
        loss = self.model.loss(batch)
        if not math.isfinite(loss.total.item()):
            raise SlmLspError("the loss is no longer a number; start again with a lower learning rate.")
        torch.autograd.backward(loss.total / max(1.0, loss.weight))
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        seconds, tokens = time.monotonic() - started, int(batch.length.sum())
        progress.step += 1
        progress.batch += 1
        progress.tokens += tokens
        progress.seconds += seconds
        return Report(progress, _mean([loss]), tokens / seconds, rate, self.part_done())

    def _milestone(self) -> None:
        from safetensors.torch import save_file

        path = self.folder / f"milestone-{self.progress.tokens:010d}.safetensors"
        partial = path.with_suffix(".partial")
        save_file({name: value.detach().half() for name, value in self.model.trained()}, partial)
        partial.replace(path)

    def _log(self, report: Report) -> None:
        row = {
            **asdict(report.progress),
            **asdict(report.losses),
            "rate": round(report.tokens_per_second, 1),
            "lr": report.learning_rate,
        }
        if report.validation is not None:
            row["validation"] = asdict(report.validation)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


def _passed(every: int, before: int, after: int) -> bool:
    return before // every != after // every


def _mean(parts: list[Loss]) -> Losses:
    return Losses(
        sum(one.prefix for one in parts) / max(1, sum(one.prefix_tokens for one in parts)),
        sum(one.middle for one in parts) / max(1, sum(one.middle_tokens for one in parts)),
        sum(one.end for one in parts) / max(1, sum(one.end_tokens for one in parts)),
    )
