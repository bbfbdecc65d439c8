"""Folders and safetensors files are looked over before a library loads them."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.checks import check_folder, check_safetensors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    save_file({"a": np.zeros((4, 4), np.float32)}, tmp_path / "model.safetensors", {"format": "pt"})
    return tmp_path


def _shard(folder: Path, *names: str) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {f"tensor{place}": name for place, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_a_whole_folder_passes(folder: Path) -> None:
    check_folder(folder)


def test_a_folder_without_configuration_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ModelInvalid, match=r"holds no config\.json"):
        check_folder(folder)


def test_a_configuration_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type"')
    with pytest.raises(ModelInvalid, match=r"config\.json is not valid JSON"):
        check_folder(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.pkl"])
def test_pickles_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelInvalid, match="only as pickles, which can run code"):
        check_folder(folder)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelInvalid, match=r"holds no model\.safetensors"):
        check_folder(folder)


def test_every_shard_has_to_be_there(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    _shard(folder, "one.safetensors", "two.safetensors")
    (folder / "one.safetensors").write_bytes(weights)
    with pytest.raises(ModelInvalid, match=r"two\.safetensors is missing"):
        check_folder(folder)
    (folder / "two.safetensors").write_bytes(weights)
    check_folder(folder)


def test_an_index_cannot_point_out_of_its_folder(folder: Path) -> None:
    _shard(folder, "../elsewhere.safetensors")
    with pytest.raises(ModelInvalid, match="names files outside its folder"):
        check_folder(folder)


def test_an_index_without_weights_is_refused(folder: Path) -> None:
    _shard(folder)
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelInvalid, match="lists no weights"):
        check_folder(folder)


@pytest.mark.parametrize("kept", [0, 5, 8, 40, -1])
def test_a_file_that_was_cut_off_is_refused(folder: Path, kept: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelInvalid, match=r"model\.safetensors (was cut off|is not a safetensors file)"):
        check_folder(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html></html>",
        b"\xff" * 64,
        (2).to_bytes(8, "little") + b"[]",
        b"\0" * 64,
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelInvalid, match="is not a safetensors file"):
        check_safetensors(path)
