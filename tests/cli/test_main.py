import subprocess
import sys

import pytest
from typer.testing import CliRunner

from slm_lsp import __version__
from slm_lsp.cli import main
from slm_lsp.errors import ModelNotFound, UsageError


def test_help_lists_every_command_with_examples() -> None:
    result = CliRunner().invoke(main.app, ["--help"])
    assert result.exit_code == 0
    for command in ("serve", "complete", "models", "doctor", "slm-lsp models pull", "Exit codes"):
        assert command in result.output


@pytest.mark.parametrize("command", list(main.COMMANDS))
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main.app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(main.app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"slm-lsp {__version__}\n")


@pytest.mark.parametrize("arguments", [["bogus"], ["--bogus"], ["serve", "--bogus"], ["serve", "more"]])
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main.app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(ModelNotFound("There is none."), 1), (UsageError("Say where."), 2)],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"slm-lsp: {error}\n")


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("slm_lsp.cli.doctor.doctor", interrupt)
    assert CliRunner().invoke(main.app, ["doctor"]).exit_code == 130


def test_the_server_starts_without_the_other_commands() -> None:
    """What only they need would cost the editor's user time at each start."""
    code = "import sys, slm_lsp.cli.main, slm_lsp.cli.serve; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert "slm_lsp.cli.serve" in modules
    assert not modules & {"slm_lsp.cli.models", "slm_lsp.cli.doctor", "torch", "numpy", "rich", "lsprotocol"}
