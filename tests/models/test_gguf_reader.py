"""Reading GGUF headers: equal to the gguf package's reader, and damaged files are refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.gguf_reader import read
from tests.models import tiny


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    tiny.write_gguf(path, tiny.weights(), GGMLQuantizationType.Q4_1)
    return path


def test_reads_what_the_gguf_package_reads(file: Path) -> None:
    ours, theirs = read(file), GGUFReader(file)
    metadata = {key: field.contents() for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
    assert ours.metadata == metadata
    assert [(one.name, one.kind, one.offset, one.nbytes) for one in ours.tensors.values()] == [
        (one.name, one.tensor_type, one.data_offset, one.n_bytes) for one in theirs.tensors
    ]


@pytest.mark.parametrize(
    "kind",
    [
        GGMLQuantizationType.F32,
        GGMLQuantizationType.F16,
        GGMLQuantizationType.BF16,
        GGMLQuantizationType.Q8_0,
        GGMLQuantizationType.Q4_1,
    ],
)
def test_values_are_those_that_were_written(tmp_path: Path, kind: GGMLQuantizationType) -> None:
    written = tiny.weights()
    tiny.write_gguf(tmp_path / "tiny.gguf", written, kind)
    values = dict(read(tmp_path / "tiny.gguf").floats())
    for ours, theirs in (
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight"),
    ):
        assert values[ours].dtype == np.float32
        # Q4_1 has 15 steps between the least and the greatest of 32 numbers: about five deviations.
        np.testing.assert_allclose(values[ours], written[theirs], atol=0.06)


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("<!DOCTYPE html>")
    with pytest.raises(ModelInvalid, match=r"model\.gguf is not a GGUF file"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(ModelInvalid, match=r"model\.gguf is not a GGUF file"):
        read(path)


def test_an_unknown_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + (1).to_bytes(4, "little") + bytes(64))
    with pytest.raises(ModelInvalid, match="GGUF version 1, and only 2 and 3"):
        read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_anywhere_is_refused(file: Path, tmp_path: Path, share: float) -> None:
    whole = file.read_bytes()
    short = tmp_path / "short.gguf"
    short.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelInvalid):
        read(short)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(place=st.integers(4, 6000), value=st.binary(min_size=1, max_size=8))
def test_a_damaged_header_is_refused_or_read_but_never_crashes(
    file: Path, tmp_path: Path, place: int, value: bytes
) -> None:
    damaged = bytearray(file.read_bytes())
    damaged[place : place + len(value)] = value
    path = tmp_path / "damaged.gguf"
    path.write_bytes(damaged)
    try:
        header = read(path)
    except ModelInvalid:
        return
    size = path.stat().st_size
    assert all(tensor.offset + tensor.nbytes <= size for tensor in header.tensors.values())
