import json
from pathlib import Path

import pytest

from slm_lsp.errors import UsageError
from slm_lsp.tuning import curve


def test_the_loss_is_smoothed_and_stands_at_the_end_of_its_window(tmp_path: Path) -> None:
    rows = [{"tokens": 1000 * (step + 1), "middle": float(step % 2)} for step in range(100)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    tokens, means = curve.losses(tmp_path / "log.jsonl")
    assert (tokens[0], tokens[-1]) == (1000 * curve.WINDOW, 100_000)
    assert means == pytest.approx(0.5)


def test_reports_are_put_in_order_by_set(tmp_path: Path) -> None:
    arguments = []
    for tokens, name, share in ((500, "single-line", 0.4), (0, "single-line", 0.3), (0, "multi-line", 0.1)):
        path = tmp_path / f"{tokens}-{name}.json"
        path.write_text(json.dumps({"about": {"set": name}, "summary": {"pass@1": share}}), "utf-8")
        arguments.append(f"{tokens}={path}")
    assert curve.passes(arguments) == {"single-line": [(0, 0.3), (500, 0.4)], "multi-line": [(0, 0.1)]}
    with pytest.raises(UsageError, match="TOKENS=REPORT"):
        curve.passes(["500"])
