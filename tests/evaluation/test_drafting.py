"""Drafts in real files: fewer passes, and the same text."""

import shutil
from pathlib import Path

import pytest

from slm_lsp.completion.loading import load
from slm_lsp.config import Settings
from slm_lsp.evaluation.drafting import WAYS, drafted
from slm_lsp.evaluation.holes import Plan, tasks

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.mark.model
def test_drafts_save_passes_and_leave_what_is_written_as_it_is(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES, tmp_path / "src")
    # The same code twice: what is missing in one file stands in the other.
    shutil.copytree(SAMPLES, tmp_path / "copy")
    plan, loaded = Plan(tmp_path, 6), load(Settings(), lambda done, doing: None)
    try:
        found = list(drafted(loaded, plan, tasks(plan)))
    finally:
        loaded.close()
    assert len(found) == 6
    plain, _, remembered = ([hole[at] for hole in found] for at in range(len(WAYS)))
    for ways in found:
        assert len({one.written for one in ways}) == 1
    assert sum(one.usage.verified + one.usage.drafted for one in plain) == 0
    assert sum(one.usage.accepted for one in remembered) > 0
    assert sum(one.usage.passes for one in remembered) < sum(one.usage.passes for one in plain)
