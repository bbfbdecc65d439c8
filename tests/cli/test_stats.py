import json
import sys

import pytest

from slm_lsp.cli.main import main
from slm_lsp.statistics.store import Count, Store

COUNTS = {
    Count("2026-11-22", "go", "shown"): 10,
    Count("2026-11-22", "go", "accepted"): 4,
    Count("2026-11-23", "rust", "shown"): 30,
    Count("2026-11-23", "rust", "ms<=100"): 30,
}


@pytest.fixture(autouse=True)
def _counted() -> None:
    Store().reset()
    Store().add(COUNTS)


def invoke(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[str, str]:
    monkeypatch.setattr(sys, "argv", ["slm-lsp", "stats", *arguments])
    monkeypatch.setenv("COLUMNS", "140")
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    found = capsys.readouterr()
    return found.out, found.err


def test_a_table_and_a_plot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = invoke(monkeypatch, capsys)
    for part in ("go", "rust", "40%", "≤100", "2026-11-22 to 2026-11-23", "▃█"):
        assert part in out


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(invoke(monkeypatch, capsys, "--json")[0])
    assert (told["all"]["shown"], told["languages"]["go"]["acceptance"]) == (40, 0.4)
    assert set(told["days"]) == {"2026-11-22", "2026-11-23"}


def test_a_reset_forgets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    invoke(monkeypatch, capsys, "--reset")
    out, err = invoke(monkeypatch, capsys)
    assert (out, "nothing was counted yet" in err) == ("", True)
