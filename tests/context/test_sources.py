from pathlib import Path

from slm_lsp.context.sources import read, reason_to_skip
from tests.planted import STRINGS, TOKENS


def test_files_that_hold_secrets_are_left_out() -> None:
    assert reason_to_skip("a.py", f'KEY = "{TOKENS["AWS"]}"\n') == "secret"
    assert reason_to_skip("folder/credentials.json", "{}\n") == "secret"


def test_ordinary_code_is_taken() -> None:
    assert reason_to_skip("a.py", "def f(a):\n    return a\n") is None


def test_strings_that_look_like_secrets_are_masked(tmp_path: Path) -> None:
    form, secret = STRINGS["key"]
    (tmp_path / "a.py").write_text(f"{form.format(secret)}\n", "utf-8")
    assert read(tmp_path / "a.py") == f"{form.format('x' * len(secret))}\n"
