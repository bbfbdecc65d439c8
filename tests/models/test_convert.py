"""Conversion keeps the model: weights in transformers' order, configuration, tokenizer."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from safetensors import safe_open
from tokenizers import Tokenizer

from slm_lsp.errors import ModelInvalid
from slm_lsp.models import convert
from slm_lsp.models.gguf_reader import Gguf, read
from slm_lsp.models.layout import lean_file
from slm_lsp.models.store import PUBLISHED, gguf_path, locate
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.models import tiny

IDS = [1, 30, 40, 250, 17, 42, 5, 77, 123]


def _ignore(_done: float, _what: str) -> None:
    pass


def _gguf(folder: Path, kind: GGMLQuantizationType = GGMLQuantizationType.F32, *, tied: bool = True) -> Gguf:
    tiny.write_gguf(folder / "tiny.gguf", tiny.weights(tied=tied), kind)
    return read(folder / "tiny.gguf")


def test_weights_come_back_in_transformers_order(tmp_path: Path) -> None:
    written = tiny.weights(tied=False)
    found = dict(convert.float_tensors(_gguf(tmp_path, tied=False)))
    assert found.keys() == written.keys()
    for name, values in written.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_int8_file_holds_the_model(tmp_path: Path) -> None:
    seen: list[float] = []
    convert.write_lean(_gguf(tmp_path), tmp_path, "int8", "abc", lambda done, _what: seen.append(done))
    with safe_open(tmp_path / lean_file("int8"), "numpy") as file:
        assert file.metadata() == {"format": "slm-lsp-int8", "version": "2", "source_sha256": "abc"}
        values, scale = file.get_tensor("layers.0.qkv.weight"), file.get_tensor("layers.0.qkv.scale")
    written = tiny.weights()
    expected = np.concatenate([written[f"model.layers.0.self_attn.{part}_proj.weight"] for part in "qk"])
    assert values.dtype == np.int8
    np.testing.assert_allclose(
        tiny.unpacked(values, scale, len(expected)), expected, atol=float(scale.max()) / 2 * 1.001
    )
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)


@pytest.mark.parametrize("tied", [True, False])
def test_configuration(tmp_path: Path, tied: bool) -> None:
    config = convert.configuration(_gguf(tmp_path, tied=tied))
    expected = {
        "model_type": "llama",
        "hidden_size": tiny.HIDDEN,
        "intermediate_size": tiny.INNER,
        "num_hidden_layers": tiny.LAYERS,
        "num_attention_heads": tiny.HEADS,
        "num_key_value_heads": tiny.KV_HEADS,
        "head_dim": tiny.HEAD,
        "vocab_size": len(tiny.TOKENS),
        "max_position_embeddings": 128,
        "tie_word_embeddings": tied,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    assert expected.items() <= config.items()
    assert config["rms_norm_eps"] == pytest.approx(1e-5)


def test_transformers_gets_the_same_logits_from_the_folder_as_from_the_gguf(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    gguf = _gguf(tmp_path, GGMLQuantizationType.Q8_0)
    dense = tmp_path / "dense"
    dense.mkdir()
    convert.write_dense(gguf, dense, _ignore)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=gguf.path.name, dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(dense, dtype=torch.float32)
    with torch.inference_mode():
        expected, found = (model(torch.tensor([IDS])).logits for model in (theirs, ours))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_tokenizer_loads_and_keeps_digits_apart(tmp_path: Path) -> None:
    convert.write_lean(_gguf(tmp_path), tmp_path, "int8", "", _ignore)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode("def").tokens == ["def"]
    assert tokenizer.encode("12").tokens == ["1", "2"]
    assert tokenizer.encode("<|im_end|>\n  ").ids == [2, tokenizer.token_to_id("ĊĠĠ")]
    text = "def f(x12):\r\n\treturn 'é😀\u2028' # \x00"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (config["bos_token"], config["eos_token"]) == ("<|im_start|>", "<|im_end|>")


def test_a_gemma_3_file_becomes_the_model_that_transformers_makes_of_it(tmp_path: Path) -> None:
    """Its own reading of GGUF is the reference; ours does without it, which takes seconds at every start."""
    from transformers import AutoModelForCausalLM, Gemma3TextConfig

    path, made = tmp_path / "gemma.gguf", tmp_path / "made"
    made.mkdir()
    tiny.write_gemma3_gguf(path)
    convert.write_dense(read(path), made, lambda _done, _what: None)
    ours, theirs = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
        for folder, options in ((made, {}), (tmp_path, {"gguf_file": path.name}))
    )
    assert isinstance(ours.config, Gemma3TextConfig)
    assert ours.config.layer_types == ["sliding_attention"] * tiny.LAYERS
    expected = theirs.state_dict()
    for name, values in ours.state_dict().items():
        torch.testing.assert_close(values, expected[name])


def test_sentencepieces_tokenizer_goes_along(tmp_path: Path) -> None:
    tiny.write_gemma3_gguf(tmp_path / "gemma.gguf")
    convert.write_dense(read(tmp_path / "gemma.gguf"), tmp_path, lambda _done, _what: None)
    vocabulary = Vocabulary.load(tmp_path)
    assert (vocabulary.bos_id, vocabulary.lead) == (2, "")
    spelled = [vocabulary.token_bytes(id) for id in vocabulary.encode("de def\n  é  de")]
    assert spelled == [b"de", b" ", b"def", b"\n", b"  ", b"\xc3", b"\xa9", b"  ", b"de"]


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    tiny.write_gguf(tmp_path / "x.gguf", tiny.weights(), architecture="mamba")
    with pytest.raises(ModelInvalid, match="only llama, qwen2, qwen3, gemma3 can be converted"):
        convert.configuration(read(tmp_path / "x.gguf"))


def test_an_unknown_tokenizer_is_refused(tmp_path: Path) -> None:
    tiny.write_gguf(tmp_path / "x.gguf", tiny.weights(), pre="tekken")
    with pytest.raises(ModelInvalid, match="a tokenizer of the kind gpt2/tekken"):
        convert.write_lean(read(tmp_path / "x.gguf"), tmp_path, "int8", "", _ignore)


def test_a_tensor_of_another_shape_of_model_is_refused(tmp_path: Path) -> None:
    extra = {"rope_freqs.weight": np.ones(8, np.float32)}
    tiny.write_gguf(tmp_path / "x.gguf", tiny.weights(), extra=extra)
    with pytest.raises(ModelInvalid, match=r"no place for its tensor rope_freqs\.weight"):
        convert.write_lean(read(tmp_path / "x.gguf"), tmp_path, "int8", "", _ignore)


@pytest.mark.model
def test_the_embedded_models_weights_give_the_logits_of_its_gguf() -> None:
    import torch
    from transformers import AutoModelForCausalLM

    locate("smollm2-135m")
    gguf = read(gguf_path("smollm2-135m"))
    model = AutoModelForCausalLM.from_pretrained(
        gguf.path.parent, gguf_file=gguf.path.name, dtype=torch.float32
    )
    weights = {name: torch.from_numpy(values.copy()) for name, values in convert.float_tensors(gguf)}
    with torch.inference_mode():
        expected = model(torch.tensor([IDS])).logits
        model.load_state_dict(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]})
        found = model(torch.tensor([IDS])).logits
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.model
def test_the_embedded_models_int8_weights_are_the_ggufs() -> None:
    files = locate("smollm2-135m", adapter=PUBLISHED)
    expected = dict(convert.float_tensors(read(gguf_path("smollm2-135m"))))
    with safe_open(files.folder / lean_file("int8"), "numpy") as file:
        for name, theirs in (
            ("embed", "model.embed_tokens"),
            ("layers.17.qkv", "model.layers.17.self_attn.q_proj"),
            ("layers.29.down", "model.layers.29.mlp.down_proj"),
        ):
            wanted = expected[f"{theirs}.weight"]
            values, scale = file.get_tensor(f"{name}.weight"), file.get_tensor(f"{name}.scale")
            found = tiny.unpacked(values, scale, len(wanted))
            assert np.linalg.norm(found - wanted) < 0.01 * np.linalg.norm(wanted)


@pytest.mark.model
def test_the_embedded_models_tokenizer_merges_newline_and_indent_but_not_digits() -> None:
    tokenizer = Tokenizer.from_file(str(locate("smollm2-135m").folder / "tokenizer.json"))
    assert len(tokenizer.encode("\n   ").ids) == 1
    assert tokenizer.encode(" x = 2024").tokens == ["Ġx", "Ġ=", "Ġ", "2", "0", "2", "4"]
