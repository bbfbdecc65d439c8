from pathlib import Path

import pytest

from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning.layout import Layout, layout
from tests import families, tokenizers


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama with a SmolLM vocabulary."""
    folder = tmp_path_factory.mktemp("tiny")
    size = tokenizers.save_family(folder, "smollm").get_vocab_size(with_added_tokens=True)
    return families.save(folder, "llama", size)


@pytest.fixture(scope="session")
def vocabulary(model_folder: Path) -> Vocabulary:
    return Vocabulary.load(model_folder)


@pytest.fixture(scope="session")
def taught(vocabulary: Vocabulary) -> Layout:
    return layout(vocabulary)
