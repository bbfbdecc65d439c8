"""Folders of Llama's shape: converted for the lean engine, everything else left to transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PretrainedConfig, Qwen2Config

from slm_lsp.errors import ModelInvalid
from slm_lsp.models import folders, store
from slm_lsp.models.layout import lean_file
from slm_lsp.models.quantise import fuse

pytestmark = pytest.mark.usefixtures("cache")

SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


def save(
    folder: Path, config: PretrainedConfig, dtype: torch.dtype = torch.float32, shard: str = "1GB"
) -> Path:
    make: Any = AutoModelForCausalLM.from_config
    torch.manual_seed(1)
    make(config, dtype=dtype).save_pretrained(folder, max_shard_size=shard)
    (folder / "tokenizer.json").write_text("{}")
    return folder


def change(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "model", Qwen2Config(**SIZES, tie_word_embeddings=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shard", ["1GB", "40KB"])
def test_the_weights_are_those_of_the_folder(tmp_path: Path, dtype: torch.dtype, shard: str) -> None:
    config = Qwen2Config(**SIZES, tie_word_embeddings=False)
    folder = save(tmp_path / "model", config, dtype, shard)
    assert (len(list(folder.glob("*.safetensors"))) > 1) == (shard == "40KB")
    files = store.locate(str(folder))
    assert files.converted
    tensors: dict[str, np.ndarray] = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            tensors |= {name: file.get_tensor(name).float().numpy() for name in file.keys()}  # noqa: SIM118
    expected, found = fuse(tensors.items()), load_file(files.folder / lean_file("int8"))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert (files.folder / "tokenizer.json").read_text() == "{}"


def test_it_is_converted_once_and_again_when_it_changes(folder: Path) -> None:
    first = store.locate(str(folder)).folder
    written = (first / lean_file("int8")).stat().st_mtime_ns
    again = store.locate(str(folder)).folder
    assert (again, (again / lean_file("int8")).stat().st_mtime_ns) == (first, written)
    save(folder, Qwen2Config(**SIZES | {"num_hidden_layers": 1}, tie_word_embeddings=True))
    assert store.locate(str(folder)).folder != first
    assert not first.exists()


def test_other_precisions_get_the_folder_itself(folder: Path) -> None:
    files = store.locate(str(folder), form="dense")
    assert (files.folder, files.converted) == (folder, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "gemma"},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}},
        {"rope_parameters": None, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
        {"quantization_config": {"quant_method": "gptq"}},
        {"head_dim": 8},
        {"num_attention_heads": None},
    ],
)
def test_what_the_lean_pass_does_not_do_is_left_to_transformers(folder: Path, fields: dict[str, Any]) -> None:
    change(folder, **fields)
    assert not folders.is_lean(folder)
    assert store.locate(str(folder)).folder == folder


def test_biases_that_have_no_place_are_left_to_transformers(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", LlamaConfig(**SIZES, attention_bias=True))
    assert not folders.is_lean(folder)


def test_a_window_bounds_the_context(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", MistralConfig(**SIZES, sliding_window=128))
    config = json.loads((store.locate(str(folder)).folder / "config.json").read_text())
    assert config["max_position_embeddings"] == 128


def test_a_window_that_is_not_used_does_not(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", Qwen2Config(**SIZES, sliding_window=128, use_sliding_window=False))
    config = json.loads((store.locate(str(folder)).folder / "config.json").read_text())
    assert config["max_position_embeddings"] == 512


def test_a_folder_that_lacks_a_tensor_is_refused(folder: Path) -> None:
    from safetensors.numpy import save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelInvalid, match="only a part"):
        store.locate(str(folder))
