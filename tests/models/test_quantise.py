"""The int8 layout: each group within half a step, each part in its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.quantise import PANEL, fuse, group_size, quantise_groups
from tests.models import tiny
from tests.models.tiny import Weights

ROWS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.sampled_from([16, 32, 48, 96])),
    elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
)


@given(ROWS)
def test_each_weight_is_within_half_a_step_of_its_group(weight: np.ndarray) -> None:
    values, scale = quantise_groups(weight)
    assert values.dtype == np.int8
    assert scale.dtype == np.float32
    assert scale.shape == (len(weight), weight.shape[1] // group_size(weight.shape[1]))
    step = np.repeat(scale, group_size(weight.shape[1]), axis=1)
    assert (np.abs(values.astype(np.float64) * step - weight) <= step * 0.5001).all()


@pytest.mark.parametrize(("inputs", "size"), [(576, 32), (48, 16), (1536, 32), (16, 16)])
def test_a_group_is_as_wide_as_divides_the_inputs(inputs: int, size: int) -> None:
    assert group_size(inputs) == size


def test_a_width_that_vectors_do_not_divide_is_refused() -> None:
    with pytest.raises(ModelInvalid, match="width of 100"):
        group_size(100)


def _expected(weights: Weights, *names: str) -> np.ndarray:
    return np.concatenate([weights[f"model.layers.1.{name}.weight"] for name in names])


def _turns(gate: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Panels of one and the other in turn."""
    return np.stack([one.reshape(-1, PANEL, one.shape[1]) for one in (gate, up)], 1).reshape(
        -1, gate.shape[1]
    )


def test_parts_are_fused_in_the_order_that_the_layout_says() -> None:
    weights = tiny.weights(tied=False)
    fused = fuse(reversed(weights.items()))
    for name, expected in {
        "layers.1.qkv": _expected(weights, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "layers.1.o": _expected(weights, "self_attn.o_proj"),
        "layers.1.gate_up": _turns(_expected(weights, "mlp.gate_proj"), _expected(weights, "mlp.up_proj")),
        "layers.1.down": _expected(weights, "mlp.down_proj"),
        "embed": weights["model.embed_tokens.weight"],
        "head": weights["lm_head.weight"],
    }.items():
        values, scale = fused[f"{name}.weight"], fused[f"{name}.scale"]
        assert values.dtype == np.int8
        np.testing.assert_allclose(
            tiny.unpacked(values, scale, len(expected)), expected, atol=float(scale.max())
        )
    for name, theirs in {
        "norm": "model.norm",
        "layers.1.attn_norm": "model.layers.1.input_layernorm",
        "layers.1.mlp_norm": "model.layers.1.post_attention_layernorm",
    }.items():
        np.testing.assert_array_equal(fused[name], weights[f"{theirs}.weight"])


def test_biases_and_head_norms_keep_their_place() -> None:
    weights = tiny.weights()
    sizes = {"q": tiny.HIDDEN, "k": tiny.KV_HEADS * tiny.HEAD, "v": tiny.KV_HEADS * tiny.HEAD}
    for layer in range(tiny.LAYERS):
        for place, (part, size) in enumerate(sizes.items()):
            weights[f"model.layers.{layer}.self_attn.{part}_proj.bias"] = np.full(size, place, np.float32)
        weights[f"model.layers.{layer}.self_attn.q_norm.weight"] = np.full(tiny.HEAD, 5, np.float32)
    fused = fuse(weights.items())
    np.testing.assert_array_equal(
        fused["layers.0.qkv.bias"], np.repeat([0.0, 1.0, 2.0], list(sizes.values()))
    )
    np.testing.assert_array_equal(fused["layers.1.q_norm"], np.full(tiny.HEAD, 5))
    assert "head.weight" not in fused


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.norm.weight", "it lacks norm"),
        ("model.embed_tokens.weight", r"it lacks embed\.weight"),
        ("model.layers.0.self_attn.k_proj.weight", r"only a part of layers\.0\.qkv\.weight"),
        ("model.layers.0.mlp.down_proj.weight", r"it lacks layers\.0\.down\.weight"),
        ("model.layers.1.input_layernorm.weight", r"it lacks layers\.1\.attn_norm"),
    ],
)
def test_a_missing_tensor_is_named(missing: str, message: str) -> None:
    weights = tiny.weights()
    del weights[missing]
    with pytest.raises(ModelInvalid, match=message):
        fuse(weights.items())


def test_a_tensor_without_a_place_is_named() -> None:
    weights = tiny.weights() | {"model.layers.0.mlp.experts.weight": np.zeros((2, 2), np.float32)}
    with pytest.raises(ModelInvalid, match=r"no place for its tensor model\.layers\.0\.mlp\.experts\.weight"):
        fuse(weights.items())


def test_values_that_are_not_numbers_are_refused() -> None:
    weights = tiny.weights()
    weights["model.norm.weight"][3] = np.nan
    with pytest.raises(ModelInvalid, match=r"model\.norm\.weight holds values that are not numbers"):
        fuse(weights.items())
