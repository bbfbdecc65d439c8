import json
from pathlib import Path

import pytest

from slm_lsp.errors import SlmLspError, UsageError
from slm_lsp.evaluation.report import Report, check_target, load

REPORT = Report("holes", {"seed": 1}, {"all": {"exact": 0.5}}, [{"id": "a", "exact": True, "logprob": None}])


def test_a_report_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    REPORT.save(path)
    assert load(path) == REPORT
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "null", "7", '{"format": "other"}', '{"format": "slm-lsp-eval-1", "rows": [{}]}'],
)
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"a\.json is not a file that `slm-lsp eval … --json`"):
        load(path)


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b""])
def test_what_is_not_json_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"a\.json is not JSON"):
        load(path)


def test_rows_without_a_part_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    REPORT.save(path)
    data = json.loads(path.read_text("utf-8"))
    del data["about"]
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(UsageError, match="measure again"):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path / "a.json")


def test_a_target_is_checked_before_the_run(tmp_path: Path) -> None:
    check_target(tmp_path / "a.json")
    with pytest.raises(UsageError, match="is a folder"):
        check_target(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        check_target(tmp_path / "b" / "a.json")


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.mkdir()
    with pytest.raises(SlmLspError, match="can't be written"):
        REPORT.save(target)
    assert list(tmp_path.iterdir()) == [target]
