"""A user's own GGUF files: converted for the lean engine where they are of Llama's shape."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from safetensors.numpy import load_file

from slm_lsp.models import gguf_files, store
from slm_lsp.models.convert import float_tensors
from slm_lsp.models.gguf_reader import read
from slm_lsp.models.layout import lean_file
from slm_lsp.models.quantise import fuse
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.models import tiny

pytestmark = pytest.mark.usefixtures("cache")


@pytest.mark.parametrize("kind", [GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_0])
def test_its_weights_are_rounded_anew(tmp_path: Path, kind: GGMLQuantizationType) -> None:
    path = tmp_path / "mine.gguf"
    tiny.write_gguf(path, tiny.weights(tied=False), kind)
    found = load_file(store.locate(str(path)).folder / lean_file("int8"))
    expected = fuse(float_tensors(read(path)))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_norms_of_heads_have_their_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    beside = tiny.beside("qwen3")
    tiny.write_gguf(path, tiny.weights(), architecture="qwen3", extra=beside)
    found = load_file(store.locate(str(path)).folder / lean_file("int8"))
    np.testing.assert_array_equal(found["layers.1.q_norm"], beside["blk.1.attn_q_norm.weight"])


def test_its_tokenizer_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    tiny.write_gguf(path, tiny.weights())
    theirs, ours = Vocabulary.from_gguf(path), Vocabulary.load(store.locate(str(path)).folder)
    for text in ("def f(x):\n  return 12", "de de", "Grüße  7"):
        assert ours.encode(text) == theirs.encode(text)
    assert (ours.special, ours.bos_id, ours.end_ids) == (theirs.special, theirs.bos_id, theirs.end_ids)


def test_it_is_converted_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    tiny.write_gguf(path, tiny.weights())
    first = store.locate(str(path)).folder
    tiny.write_gguf(path, tiny.weights(tied=False))
    assert store.locate(str(path)).folder != first
    assert not first.exists()


def test_what_the_lean_pass_does_not_do_is_left_to_transformers(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    factors = {"rope_freqs.weight": np.ones(tiny.HEAD // 2, np.float32)}
    tiny.write_gguf(path, tiny.weights(), extra=factors)
    assert not gguf_files.is_lean(read(path))
    tiny.write_gguf(path, tiny.weights(), architecture="phi3")
    assert not gguf_files.is_lean(read(path))
    assert store.locate(str(path)).gguf == path
