import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slm_lsp.cli import main
from slm_lsp.completion import loading
from slm_lsp.completion.model import LoadedModel
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    vocabulary = Vocabulary(tokenizer("qwen"))
    model = LoadedModel("scripted", ScriptedEngine(lambda prompt: []), vocabulary, detect(vocabulary))
    monkeypatch.setattr(loading, "load", lambda settings, progress: model)
    (tmp_path / "account.py").write_text("class Account:\n    def deposit(self, amount): ...\n", "utf-8")
    main_file = tmp_path / "main.py"
    main_file.write_text("from account import Account\n\n\ndef pay(account: Account):\n    \n", "utf-8")
    return f"{main_file}:5"


def test_each_part_is_shown_with_its_source_and_tokens(place: str) -> None:
    result = CliRunner().invoke(main.app, ["context", place, "--json"])
    answer = json.loads(result.stdout)
    (part,) = [one for one in answer["parts"] if one["part"] == "definitions"]
    assert (part["path"], part["source"]) == ("account.py", "index")
    assert "def deposit(self, amount)" in part["text"]
    assert 0 < part["tokens"] <= answer["tokens"]["context"]
    assert part["text"] in answer["prompt"]


def test_the_parts_can_be_read(place: str) -> None:
    result = CliRunner().invoke(main.app, ["context", place])
    assert result.exit_code == 0
    assert "definitions · account.py · index" in result.stdout
    assert "tokens of context" in result.stdout


def test_names_that_may_stand_there_are_listed(place: str) -> None:
    path = Path(place.rpartition(":")[0])
    path.write_text(path.read_text("utf-8").replace("    \n", "    account.\n"), "utf-8")
    result = CliRunner().invoke(main.app, ["context", place, "--json"])
    (part,) = [one for one in json.loads(result.stdout)["parts"] if one["part"] == "names"]
    assert part["text"] == "deposit"
    assert part["score"] > 0
