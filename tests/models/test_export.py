from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from slm_lsp.cli.models import app
from slm_lsp.errors import ModelInvalid, SlmLspError
from slm_lsp.models import adapter, store
from slm_lsp.models.convert import configuration, float_tensors
from slm_lsp.models.export import Format, write_gguf
from slm_lsp.models.gguf_reader import read
from tests.models import tiny as tiny_model
from tests.models.tiny import Published

TUNED = "model.layers.1.self_attn.q_proj"


@pytest.fixture
def tuned(fetched: Published) -> adapter.Adapter:
    base = dict(float_tensors(store.source("tiny")))
    rows = base[f"{TUNED}.weight"].shape[0]
    tensors = {
        f"{TUNED}.lora_A": np.ones((1, tiny_model.HIDDEN), dtype=np.float16),
        f"{TUNED}.lora_B": np.arange(rows, dtype=np.float16)[:, None],
    }
    about = adapter.About(
        "tiny", adapter.fingerprint(base), 1, {"<|im_start|>": "[PREFIX]"}, [], "MIT", 1, 1.0
    )
    return adapter.Adapter(about, tensors)


def silent(_done: float, _what: str) -> None:
    pass


def test_what_is_exported_reads_back_as_the_tuned_model(tuned: adapter.Adapter, tmp_path: Path) -> None:
    source = store.source("tiny")
    write_gguf(source, tmp_path / "out.gguf", Format.F32, silent, [tuned])
    written = read(tmp_path / "out.gguf")
    assert configuration(written) == configuration(source)
    expected = dict(float_tensors(source))
    tuned.apply(expected)
    found = dict(float_tensors(written))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    before, after = (one.metadata["tokenizer.ggml.tokens"] for one in (source, written))
    assert {(a, b) for a, b in zip(before, after, strict=True) if a != b} == {("<|im_start|>", "[PREFIX]")}


@pytest.mark.parametrize(("format", "steps"), [("q8_0", 127), ("q4_0", 8)])
def test_fewer_bits_round_the_matrices_and_spare_the_norms(
    fetched: Published, tmp_path: Path, format: str, steps: int
) -> None:
    done = CliRunner().invoke(
        app, ["export", "tiny", "--gguf", str(tmp_path / "out.gguf"), "--format", format]
    )
    assert done.exit_code == 0, done.output
    found = dict(float_tensors(read(tmp_path / "out.gguf")))
    for name, values in float_tensors(store.source("tiny")):
        largest = np.abs(values).max()
        np.testing.assert_allclose(found[name], values, atol=0 if values.ndim == 1 else largest / steps)


def test_a_failed_export_leaves_nothing(
    fetched: Published, tuned: adapter.Adapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned.tensors[f"{TUNED}.lora_B"] = np.ones((7, 1), dtype=np.float16)
    with pytest.raises(ModelInvalid, match="not the model in use"):
        write_gguf(store.source("tiny"), tmp_path / "out.gguf", Format.Q8_0, silent, [tuned])
    with pytest.raises(SlmLspError, match="can't be written"):
        write_gguf(store.source("tiny"), tmp_path / "no" / "out.gguf", Format.Q8_0, silent, [])
    assert list(tmp_path.glob("out*")) == []
