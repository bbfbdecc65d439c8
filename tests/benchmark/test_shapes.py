"""Random weights in a known shape, for us and for the peer."""

from pathlib import Path
from typing import Literal

import pytest

from slm_lsp.benchmark.shapes import SHAPES, config, write_gguf, write_random
from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.engine.llama.engine import load
from slm_lsp.errors import UsageError
from slm_lsp.models import gguf_reader

LAYERS = 2


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    sizes = {"vocab_size": 90, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": LAYERS}
    monkeypatch.setitem(SHAPES, "tiny", SHAPES["qwen2.5-coder-0.5b"] | sizes | {"num_attention_heads": 4})
    return "tiny"


@pytest.mark.parametrize("form", ["int8", "int4"])
def test_a_shape_with_random_weights_writes(form: Literal["int8", "int4"], tiny: str, tmp_path: Path) -> None:
    write_random(config(tiny), tmp_path, form)
    engine = load(tmp_path, 1, 16, lambda _done, _what: None)
    written = list(engine.generate([3, 1, 4], Decoding(5), CancelToken(), Usage()))
    assert len(written) == 5
    matrices, vectors = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64, 2 * 64 + 64 + 2 * 32
    assert engine.info.parameters == 90 * 64 + LAYERS * (matrices + vectors) + 64
    engine.close()


def test_the_peer_gets_the_same_sizes(tiny: str, tmp_path: Path) -> None:
    write_gguf(tiny, tmp_path / "tiny.gguf")
    found = gguf_reader.read(tmp_path / "tiny.gguf")
    assert found.metadata["general.architecture"] == "qwen2"
    assert found.tensors["token_embd.weight"].shape == (90, 64)
    assert found.tensors["blk.1.attn_k.weight"].shape == (32, 64)
    assert found.tensors["blk.0.ffn_up.weight"].shape == (96, 64)
    assert len(found.tensors) == 2 + LAYERS * (7 + 5)


def test_a_shape_that_is_not_known_is_said() -> None:
    with pytest.raises(UsageError, match=r"qwen2\.5-coder-0\.5b"):
        config("gpt-9")
