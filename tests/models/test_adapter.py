from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from slm_lsp.errors import ModelInvalid, SlmLspError
from slm_lsp.models import adapter
from slm_lsp.models.adapter import About, Adapter

RNG = np.random.default_rng(1)
QUERY = "model.layers.0.self_attn.q_proj"
BASE = {
    f"{QUERY}.weight": RNG.normal(size=(8, 6)).astype(np.float32),
    "model.norm.weight": RNG.normal(size=6).astype(np.float32),
    "model.embed_tokens.weight": RNG.normal(size=(20, 6)).astype(np.float32),
}


def made() -> Adapter:
    about = About("tiny", adapter.fingerprint(BASE), 2, {"<a>": "[SUFFIX]"}, [3, 4], "MIT", 1000, 1.5)
    tensors: dict[str, NDArray[Any]] = {
        f"{QUERY}.lora_A": RNG.normal(size=(2, 6)).astype(np.float16),
        f"{QUERY}.lora_B": RNG.normal(size=(8, 2)).astype(np.float16),
        "model.embed_tokens.rows": RNG.normal(size=(2, 6)).astype(np.float32),
    }
    return Adapter(about, tensors)


def test_an_adapter_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = made()
    adapter.write(tmp_path / "a.safetensors", written)
    back = adapter.read(tmp_path / "a.safetensors")
    assert back.about == written.about
    assert {name: value.tolist() for name, value in back.tensors.items()} == {
        name: value.tolist() for name, value in written.tensors.items()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_merging_adds_the_product_and_replaces_the_rows() -> None:
    one = made()
    low, high = (one.tensors[f"{QUERY}.lora_{side}"].astype(np.float32) for side in "AB")
    merged = one.merged(f"{QUERY}.weight", BASE[f"{QUERY}.weight"])
    np.testing.assert_allclose(merged, BASE[f"{QUERY}.weight"] + high @ low, rtol=1e-6)
    table = one.merged("model.embed_tokens.weight", BASE["model.embed_tokens.weight"])
    np.testing.assert_array_equal(table[[3, 4]], one.tensors["model.embed_tokens.rows"])
    np.testing.assert_array_equal(table[5:], BASE["model.embed_tokens.weight"][5:])
    assert one.merged("model.norm.weight", BASE["model.norm.weight"]) is BASE["model.norm.weight"]


def test_an_adapter_of_another_model_is_refused() -> None:
    one = made()
    one.check(BASE)
    with pytest.raises(ModelInvalid, match="trained for tiny, which is not the model in use"):
        one.check(BASE | {"model.norm.weight": BASE["model.norm.weight"] + 1})
    with pytest.raises(ModelInvalid, match="trained for tiny"):
        one.merged(f"{QUERY}.weight", np.zeros((9, 6), dtype=np.float32))


@pytest.mark.parametrize("cut", [4, 100, -10])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.safetensors"
    adapter.write(path, made())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ModelInvalid, match="cut off"):
        adapter.read(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(BASE, tmp_path / "model.safetensors")
    with pytest.raises(ModelInvalid, match="not an adapter"):
        adapter.read(tmp_path / "model.safetensors")
    with pytest.raises(ModelInvalid, match="no adapter"):
        adapter.read(tmp_path / "missing")


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SlmLspError, match="can't be written"):
        adapter.write(tmp_path / "file" / "a.safetensors", made())
