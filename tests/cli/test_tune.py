from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from slm_lsp.cli.tune import tune
from slm_lsp.errors import UsageError
from slm_lsp.models import adapter
from tests import families, tokenizers
from tests.tuning.samples import tree


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    size = tokenizers.save_family(folder, "smollm").get_vocab_size(with_added_tokens=True)
    return families.save(folder, "llama", size)


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(tune)
    return app


def test_it_prints_the_adapter_that_it_wrote(tmp_path: Path, model_folder: Path, app: typer.Typer) -> None:
    code = tree(tmp_path / "code")
    arguments = [str(code), "--model", str(model_folder), "--steps", "30", "--rank", "2"]
    arguments += ["--learning-rate", "0.01", "--folder", str(tmp_path / "run")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    path = Path(result.stdout.strip())
    assert path == tmp_path / "run" / "adapter.safetensors"
    assert adapter.read(path).about.rank == 2
    assert "loss, nats a token" in result.stderr
    assert "filled to the letter" in result.stderr


def test_a_path_that_does_not_exist_is_bad_usage(tmp_path: Path, app: typer.Typer) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        CliRunner().invoke(app, [str(tmp_path / "missing")], catch_exceptions=False)
