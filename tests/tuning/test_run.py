from dataclasses import replace
from pathlib import Path

import pytest

from slm_lsp.errors import SlmLspError, UsageError
from slm_lsp.models import adapter
from slm_lsp.tuning import run
from slm_lsp.tuning.examples import File
from slm_lsp.tuning.trainer import Plan, Report
from tests.tuning.samples import tree

PLAN = Plan(batch_tokens=600, warm_up=2, steps=12, learning_rate=1e-2)


def silent(_said: object) -> None:
    pass


def prepared(tmp_path: Path, model_folder: Path, root: Path) -> run.Prepared:
    return run.prepare([root], str(model_folder), tmp_path / "run", 1, [], silent)


def test_a_tree_gives_an_adapter_that_fits_its_model(tmp_path: Path, model_folder: Path) -> None:
    ready = prepared(tmp_path, model_folder, tree(tmp_path / "code"))
    outcome = run.train(ready, PLAN, 2, tmp_path / "a.safetensors", silent)
    assert outcome.path is not None
    loss, right = outcome.differences
    assert loss.high < 0
    assert (loss.metric, right.metric) == ("nats", "right")
    assert loss.tasks == right.tasks > 20
    written = adapter.read(outcome.path)
    assert written.about.rank == 2
    assert written.about.rename == {"<issue_comment>": "[SUFFIX]", "<issue_closed>": "[PREFIX]"}


def test_an_interrupted_run_goes_on_with_its_own_examples(tmp_path: Path, model_folder: Path) -> None:
    root = tree(tmp_path / "code")
    ready = prepared(tmp_path, model_folder, root)

    def stop(report: Report) -> None:
        if report.progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.train(ready, PLAN, 2, tmp_path / "a.safetensors", stop)
    assert not (tmp_path / "a.safetensors").exists()
    steps: list[int] = []
    again = prepared(tmp_path, model_folder, root)
    run.train(again, PLAN, 2, tmp_path / "a.safetensors", lambda report: steps.append(report.progress.step))
    assert steps == list(range(4, 13))


def test_no_adapter_comes_of_training_that_did_not_help(tmp_path: Path, model_folder: Path) -> None:
    ready = prepared(tmp_path, model_folder, tree(tmp_path / "code"))
    plan = replace(PLAN, learning_rate=30.0, steps=3)
    outcome = run.train(ready, plan, 2, tmp_path / "a.safetensors", silent)
    assert outcome.path is None
    assert not (tmp_path / "a.safetensors").exists()


def test_a_folder_of_another_run_is_refused(tmp_path: Path, model_folder: Path) -> None:
    prepared(tmp_path, model_folder, tree(tmp_path / "code"))
    with pytest.raises(SlmLspError, match="holds another run"):
        prepared(tmp_path, model_folder, tree(tmp_path / "other"))


@pytest.mark.parametrize("kind", ["empty", "binary", "one file"])
def test_too_little_to_learn_from_is_said(tmp_path: Path, model_folder: Path, kind: str) -> None:
    root = tree(tmp_path / "code", 1 if kind == "one file" else 0)
    if kind == "binary":
        for name in "ab":
            (root / f"{name}.py").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(UsageError, match="too little to learn from"):
        prepared(tmp_path, model_folder, root)


def test_a_file_stays_on_its_side_whatever_is_added() -> None:
    files = [File(f"{number}.py", "python", "") for number in range(200)]
    _, some = run.split(files[:100])
    learned, more = run.split(files)
    assert {file.path for file in some} <= {file.path for file in more}
    assert len(learned) + len(more) == 200
    assert 4 <= len(more) <= 40
