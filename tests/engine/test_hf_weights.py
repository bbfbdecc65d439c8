import json
import shutil
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from safetensors.torch import load_file, save_file

from slm_lsp.cancel import CancelToken
from slm_lsp.engine import hf
from slm_lsp.engine.hf import TransformersEngine
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.errors import ModelInvalid
from tests import families


def load(folder: Path) -> TransformersEngine:
    return hf.load(folder, None, "cpu", "float32", 1, lambda fraction, message: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return families.save(tmp_path / "model", "llama")


def reconfigure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(ModelInvalid) as raised:
        load(folder)
    sentence = str(raised.value)
    assert str(folder) in sentence
    assert "\n" not in sentence
    return sentence


def test_loading_says_nothing_and_connects_to_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    capfd.readouterr()
    list(load(folder).generate([3, 4, 5], Decoding(2), CancelToken(), Usage()))
    assert capfd.readouterr() == ("", "")


def test_progress_only_goes_forward(folder: Path) -> None:
    news: list[float] = []
    hf.load(folder, None, "cpu", "float32", 1, lambda fraction, message: news.append(fraction))
    assert news == sorted(news)
    assert news[-1] == 1.0


def test_pickled_weights_are_refused_unread(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "was-run"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    (folder / "model.safetensors").unlink()
    torch.save({"lm_head.weight": Evil()}, folder / "pytorch_model.bin")
    refusal(folder)
    assert not marker.exists()


@pytest.mark.parametrize("architecture", ["llama", "unheard-of"])
def test_code_in_the_folder_is_never_run(folder: Path, tmp_path: Path, architecture: str) -> None:
    marker = tmp_path / "was-run"
    code = f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n"
    (folder / "modeling_evil.py").write_text(
        f"{code}from transformers import LlamaConfig as Config, LlamaForCausalLM as Model\n", "utf-8"
    )
    own = {"AutoConfig": "modeling_evil.Config", "AutoModelForCausalLM": "modeling_evil.Model"}
    reconfigure(folder, auto_map=own, model_type=architecture)
    if architecture == "llama":
        assert load(folder).info.architecture == "llama"
    else:
        refusal(folder)
    assert not marker.exists()


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path)


def test_a_folder_without_a_config_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    refusal(folder)


def test_an_unknown_architecture_is_refused(folder: Path) -> None:
    reconfigure(folder, model_type="unheard-of", architectures=["UnheardOf"])
    assert "unheard-of" in refusal(folder)


def test_a_partial_file_is_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    refusal(folder)


def test_a_shard_that_is_missing_is_refused(folder: Path) -> None:
    shard = folder / "model-00001-of-00002.safetensors"
    shutil.move(folder / "model.safetensors", shard)
    weights = dict.fromkeys(load_file(shard), shard.name) | {
        "model.norm.weight": "model-00002-of-00002.safetensors"
    }
    index = {"metadata": {"total_size": 0}, "weight_map": weights}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    refusal(folder)


def test_weights_that_lack_a_tensor_are_refused_rather_than_made_up(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, path, {"format": "pt"})
    assert "model.layers.1.mlp.up_proj.weight" in refusal(folder)


def test_weights_of_another_size_than_the_config_says_are_refused(folder: Path) -> None:
    reconfigure(folder, intermediate_size=96)
    refusal(folder)
