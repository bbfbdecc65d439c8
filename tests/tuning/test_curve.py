import json
from pathlib import Path

import pytest

from slm_lsp.errors import UsageError
from slm_lsp.tuning import curve


def test_held_out_losses_are_taken_from_the_log(tmp_path: Path) -> None:
    rows = [{"tokens": 1000, "middle": 2.0}, {"tokens": 2000, "middle": 1.9, "validation": {"middle": 1.5}}]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert curve.logged(tmp_path / "log.jsonl") == [(2000, 1.5)]


def test_reports_and_losses_are_put_in_order_by_what_they_tell(tmp_path: Path) -> None:
    arguments = ["500=1.38", "0=1.9"]
    for tokens, name, share in ((500, "single-line", 0.4), (0, "single-line", 0.3), (0, "multi-line", 0.1)):
        path = tmp_path / f"{tokens}-{name}.json"
        path.write_text(json.dumps({"about": {"set": name}, "summary": {"pass@1": share}}), "utf-8")
        arguments.append(f"{tokens}={path}")
    assert curve.given(arguments) == {
        "loss": [(0, 1.9), (500, 1.38)],
        "single-line": [(0, 0.3), (500, 0.4)],
        "multi-line": [(0, 0.1)],
    }
    with pytest.raises(UsageError, match="TOKENS=REPORT"):
        curve.given(["500"])
