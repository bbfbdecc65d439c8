"""Each model family through the real path: files, tokenizer, prompt format, transformers, completion."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.loading import load
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import run
from slm_lsp.completion.request import CompletionRequest, Trigger
from slm_lsp.config import Settings
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.errors import ModelInvalid
from slm_lsp.models import converted
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from tests import families, tokenizers
from tests.models import tiny

# Architecture and tokenizer, as in Llama 2, CodeLlama, SmolLM2, DeepSeek-Coder, Seed-Coder, Granite Code,
# Qwen2.5-Coder, Qwen3, StarCoder2, Mistral 7B, Codestral, Mixtral, Phi-3, CodeGemma, Gemma 2, 3, StarCoder.
MODELS = [
    ("llama", "llama"),
    ("llama", "codellama"),
    ("llama", "smollm"),
    ("llama", "deepseek"),
    ("llama", "seed-coder"),
    ("llama", "starcoder"),
    ("qwen2", "qwen"),
    ("qwen3", "qwen"),
    ("starcoder2", "starcoder2"),
    ("mistral", "mistral"),
    ("mistral", "codestral"),
    ("mixtral", "mistral"),
    ("phi3", "phi3"),
    ("gemma", "codegemma"),
    ("gemma2", "gemma"),
    ("gemma3", "gemma"),
    ("bigcode", "starcoder"),
]

pytestmark = pytest.mark.usefixtures("own_conversions")

BEFORE = "class Account:\n    def __init__(self, owner: str) -> None:\n        self.own"
AFTER = "\n\n    def deposit(self, amount: int) -> None:\n        self.balance += amount\n"


def load_from(path: Path, precision: str = "float32") -> LoadedModel:
    settings = Settings(model=str(path), device="cpu", precision=precision, threads=1)
    return load(settings, lambda done, what: None)


@pytest.fixture
def own_conversions(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is converted goes with the test; the compiled kernels stay."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(converted, "cache_dir", lambda: folder)


@pytest.fixture(params=MODELS, ids=["-".join(model) for model in MODELS])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    architecture, tokenizer = request.param
    saved = tokenizers.save_family(tmp_path, tokenizer)
    return families.save(tmp_path, architecture, saved.get_vocab_size())


def greedy(model: LoadedModel, prompt: Sequence[int], count: int) -> list[int]:
    tokens = model.engine.generate(prompt, Decoding(count), CancelToken(), Usage())
    return [token.id for token in tokens]


def reference(folder: Path, prompt: list[int], count: int, **options: Any) -> list[int]:
    """What transformers' own `generate` writes."""
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    ids = torch.tensor([prompt])
    model.generation_config.eos_token_id = None
    written = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0
    )
    return list(written[0, len(prompt) :].tolist())


def test_a_family_writes_the_tokens_that_transformers_generates(folder: Path) -> None:
    model = load_from(folder)
    prompt = model.format.render(model.vocabulary.encode(BEFORE), model.vocabulary.encode(AFTER))
    assert greedy(model, prompt, 8) == reference(folder, prompt, 8)


def test_a_family_completes(folder: Path) -> None:
    model = load_from(folder, "auto")
    document = Snapshot("file:///account.py", "python", 1, tuple(split(BEFORE + AFTER)))
    request = CompletionRequest(document, 2, len(BEFORE.rpartition("\n")[2]), Trigger.INVOKED)
    result = run(model, request, Settings(max_tokens=12), CancelToken())
    assert result.usage.decoded > 0 or result.usage.ended
    assert result.items or result.reason
    for item in result.items:
        assert not any(token in item.text for token in model.vocabulary.special)


@pytest.mark.parametrize(
    ("architecture", "tokenizer"),
    [("phi3", "phi3"), ("mistral", "mistral"), ("mixtral", "mistral"), ("gemma", "gemma")],
)
def test_an_instruct_model_is_asked_through_its_template_and_draws(
    architecture: str, tokenizer: str, tmp_path: Path
) -> None:
    vocabulary = tokenizers.save_family(tmp_path, tokenizer).get_vocab_size()
    folder = families.save(tmp_path, architecture, vocabulary)
    (folder / "chat_template.jinja").write_text("{{ bos_token }}{{ messages[0]['content'] }}\n")
    settings = Settings(
        model=str(folder),
        device="cpu",
        precision="float32",
        threads=1,
        chat="on",
        temperature=1.0,
        max_tokens=8,
    )
    model = load(settings, lambda done, what: None)
    assert model.format.family == "chat"
    document = Snapshot("file:///account.py", "python", 1, tuple(split(BEFORE + AFTER)))
    request = CompletionRequest(document, 2, len(BEFORE.rpartition("\n")[2]), Trigger.INVOKED)

    def written(seed: int) -> str:
        result = run(model, request, replace(settings, seed=seed, alternatives=1), CancelToken())
        assert result.draft
        return result.draft.text

    assert written(1) == written(1)
    assert len({written(seed) for seed in range(4)}) > 1
    model.close()


@pytest.mark.parametrize(
    ("architecture", "tokenizer"),
    [("llama", "llama"), ("qwen2", "qwen"), ("qwen3", "qwen"), ("mistral", "mistral")],
)
def test_a_folder_of_llamas_shape_runs_without_transformers(
    architecture: str, tokenizer: str, tmp_path: Path
) -> None:
    vocabulary = tokenizers.save_family(tmp_path, tokenizer).get_vocab_size()
    folder = families.save(tmp_path, architecture, vocabulary)
    model = load_from(folder, "auto")
    assert model.engine.info.backend == "slm-lsp"
    prompt = model.format.render(model.vocabulary.encode(BEFORE), model.vocabulary.encode(AFTER))
    assert greedy(model, prompt, 1) == reference(folder, prompt, 1)
    model.close()


def test_a_gguf_file_writes_the_tokens_that_transformers_generates(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    tiny.write_gguf(path, tiny.weights())
    model = load_from(path)
    assert (model.engine.info.backend, model.engine.info.precision) == ("slm-lsp", "float32")
    prompt = model.vocabulary.encode("def f(x):\n  return 12")
    assert greedy(model, prompt, 8) == reference(tmp_path, prompt, 8, gguf_file=path.name)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_a_gguf_file_of_llamas_shape_runs_without_transformers(architecture: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    tiny.write_gguf(path, tiny.weights(), architecture=architecture, extra=tiny.beside(architecture))
    model = load_from(path, "auto")
    assert (model.engine.info.backend, model.engine.info.precision) == ("slm-lsp", "int8")
    prompt = model.vocabulary.encode("def f(x):\n  return 12")
    assert greedy(model, prompt, 1) == greedy(load_from(path), prompt, 1)
    model.close()


def test_a_folder_with_pickled_weights_alone_is_refused(tmp_path: Path) -> None:
    tokenizers.save_family(tmp_path, "llama")
    model = families.model("llama")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelInvalid, match="pickle"):
        load_from(tmp_path)
