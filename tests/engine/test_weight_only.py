"""8- and 4-bit weights through torchao: on the CPU, as no test machine has a GPU."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from slm_lsp.cancel import CancelToken
from slm_lsp.engine import hf, weight_only
from slm_lsp.engine.hf_weights import matrices, read
from slm_lsp.engine.interface import Decoding, EngineInfo, Token, Usage
from slm_lsp.errors import ModelError
from tests import families

PROMPT = [(i * 37) % 250 + 3 for i in range(40)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return families.save(tmp_path, "llama")


def greedy(model: Any, prompt: Sequence[int], count: int) -> list[Token]:
    info = EngineInfo("llama", 0, "int8", "cpu", 1, 1024, backend="transformers")
    engine = hf.TransformersEngine(model, info)
    return list(engine.generate(prompt, Decoding(count), CancelToken(), Usage()))


def test_a_model_in_8_bits_writes_nearly_what_16_bits_write(folder: Path) -> None:
    pytest.importorskip("torchao", reason="the extra `gpu` is not installed")
    dense, _ = read(folder, None, "bfloat16")
    model, _ = read(folder, None, "bfloat16")
    weight_only.quantise(model, "int8", matrices(model))
    kinds = {type(layer.weight).__name__ for layer in matrices(dense)}
    assert {type(layer.weight).__name__ for layer in matrices(model)}.isdisjoint(kinds)
    prompts = [[(i * step) % 250 + 3 for i in range(12)] for step in range(11, 31)]
    pairs = [(greedy(dense, prompt, 1)[0], greedy(model, prompt, 1)[0]) for prompt in prompts]
    assert sum(one.id == other.id for one, other in pairs) >= 14
    assert len(greedy(model, PROMPT, 8)) == 8


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(ModelError, match=r"pip install 'slm-lsp\[gpu\]'"):
        weight_only.check("int8", "cuda")


@pytest.mark.parametrize("device", ["mps", "cuda"])
def test_4_bits_are_refused_where_there_is_no_kernel(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    with pytest.raises(ModelError, match="set precision to auto"):
        weight_only.check("int4", device)


def test_4_bits_are_refused_on_the_cpu(folder: Path) -> None:
    with pytest.raises(ModelError, match="set precision to auto"):
        hf.load(folder, None, "cpu", "int4", 1, lambda _done, _what: None)
