"""Drafts in real files: fewer passes, and the same text."""

from pathlib import Path

import pytest

from slm_lsp.evaluation.drafting import WAYS, drafted
from slm_lsp.evaluation.holes import tasks
from tests.evaluation.doubled import doubled


@pytest.mark.model
def test_drafts_save_passes_and_leave_what_is_written_as_it_is(tmp_path: Path) -> None:
    with doubled(tmp_path, 6) as (loaded, plan):
        found = list(drafted(loaded, plan, tasks(plan)))
    assert len(found) == 6
    plain, _, remembered = ([hole[at] for hole in found] for at in range(len(WAYS)))
    for ways in found:
        assert len({one.written for one in ways}) == 1
    assert sum(one.usage.verified + one.usage.drafted for one in plain) == 0
    assert sum(one.usage.accepted for one in remembered) > 0
    assert sum(one.usage.passes for one in remembered) < sum(one.usage.passes for one in plain)
