import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from slm_lsp.errors import SlmLspError
from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning import checkpoint, dataset
from slm_lsp.tuning.dataset import Dataset
from slm_lsp.tuning.examples import File
from slm_lsp.tuning.layout import Layout
from slm_lsp.tuning.lora import Tuned, load_base
from slm_lsp.tuning.mixing import mix
from slm_lsp.tuning.trainer import Plan, Report, Trainer
from tests.tuning.samples import PYTHON

PLAN = Plan(batch_tokens=600, warm_up=2, steps=6, checkpoint_seconds=0.0, validation_tokens=1500)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, vocabulary: Vocabulary, taught: Layout) -> Dataset:
    folder = tmp_path_factory.mktemp("data") / "set"
    files = [
        File(f"{name}.py", "python", PYTHON.replace("circle", name)) for name in ("ring", "disc", "wheel")
    ]
    dataset.write(folder, mix(files, vocabulary, taught, 3000, 1), {})
    return Dataset(folder)


Make = Callable[..., Trainer]


@pytest.fixture
def make(model_folder: Path, taught: Layout, data: Dataset, tmp_path: Path) -> Make:
    def trainer(name: str = "run", plan: Plan = PLAN, rank: int = 2) -> Trainer:
        (tmp_path / name).mkdir(exist_ok=True)
        return Trainer(Tuned(load_base(model_folder), rank, taught, 1), [data], data, tmp_path / name, plan)

    return trainer


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in trainer.model.trained()}


def silent(_report: Report) -> None:
    pass


def test_training_lowers_the_loss(make: Make) -> None:
    trainer = make(plan=replace(PLAN, steps=25, learning_rate=1e-2))
    before = trainer.validate()
    trainer.run(silent)
    after = trainer.validate()
    assert after.middle < before.middle
    assert after.end < before.end


def test_a_killed_run_goes_on_to_the_same_weights(make: Make, tmp_path: Path) -> None:
    whole = make("whole")
    whole.run(silent)

    cut = make("cut")

    def kill(report: Report) -> None:
        # What a kill leaves: the checkpoint of the step before.
        if report.progress.step == 4:
            shutil.copytree(tmp_path / "cut", tmp_path / "killed")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut.run(kill)
    resumed = make("killed")
    assert resumed.resume()
    assert resumed.progress.step == 3
    resumed.run(silent)
    assert resumed.progress.step == 6
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)


def test_a_damaged_checkpoint_is_passed_over(make: Make, tmp_path: Path) -> None:
    make().run(silent)
    newest = checkpoint.checkpoints(tmp_path / "run")[-1]
    file = newest / "trained.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    resumed = make()
    assert resumed.resume()
    assert resumed.progress.step == 5


def test_a_checkpoint_half_written_is_not_one(make: Make, tmp_path: Path) -> None:
    (tmp_path / "run" / "step-0000009.partial").mkdir(parents=True)
    assert not make().resume()


def test_old_checkpoints_are_deleted(make: Make, tmp_path: Path) -> None:
    make().run(silent)
    assert [path.name for path in checkpoint.checkpoints(tmp_path / "run")] == [
        "step-0000005",
        "step-0000006",
    ]


def test_a_full_disk_is_said_and_the_last_checkpoint_stays(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    def told(report: Report) -> None:
        if report.progress.step == 3:
            monkeypatch.setattr(checkpoint, "save_file", full)

    with pytest.raises(SlmLspError, match=r"No space left on device.*free some space"):
        trainer.run(told)
    assert [path.name for path in checkpoint.checkpoints(tmp_path / "run")] == [
        "step-0000001",
        "step-0000002",
    ]
    assert not list((tmp_path / "run").glob("*.partial"))


def test_a_run_of_another_rank_is_refused(make: Make) -> None:
    make().run(silent)
    with pytest.raises(SlmLspError, match="another model or rank"):
        make(rank=4).resume()


def test_the_rate_warms_up_stays_and_decays(make: Make) -> None:
    rates: list[float] = []
    make(plan=replace(PLAN, steps=10, decay=0.4)).run(lambda report: rates.append(report.learning_rate))
    assert rates[:3] == [5e-4, 1e-3, 1e-3]
    assert rates[3:7] == [1e-3] * 4
    assert rates[7:] == pytest.approx([0.75e-3, 0.5e-3, 0.25e-3])


def test_a_run_without_a_budget_can_be_decayed_from(make: Make) -> None:
    stable = make(plan=replace(PLAN, steps=None))

    def stop(report: Report) -> None:
        if report.progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stable.run(stop)
    rates: list[float] = []
    branch = make(plan=replace(PLAN, steps=9, since=5, decay=1.0))
    assert branch.resume()
    branch.run(lambda report: rates.append(report.learning_rate))
    assert rates == pytest.approx([1e-3, 0.75e-3, 0.5e-3, 0.25e-3])


def test_a_pause_is_waited_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, True, True, False])
    naps: list[float] = []
    monkeypatch.setattr("slm_lsp.tuning.trainer.time.sleep", naps.append)
    make(plan=replace(PLAN, steps=2)).run(silent, lambda: next(answers))
    assert len(naps) == 2


def test_the_log_has_every_step_and_the_validations(make: Make, tmp_path: Path) -> None:
    make().run(silent)
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert any("validation" in row for row in rows)


def test_a_milestone_can_be_gone_back_to(make: Make, tmp_path: Path) -> None:
    trainer = make(plan=replace(PLAN, milestone_tokens=1_000))
    trainer.run(silent)
    first = sorted((tmp_path / "run").glob("milestone-*.safetensors"))[0]
    newest = {name: value.detach().clone() for name, value in trainer.model.trained()}
    trainer.take(first)
    assert 1_000 <= trainer.progress.tokens < 2_000
    assert any(not torch.equal(value, newest[name]) for name, value in trainer.model.trained())
