"""The int8 layout: each group within half a step, each part in its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.quantise import PANEL, fuse, group_size, panels, quantise_groups, quantise_halves
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


@given(ROWS)
def test_int4_is_as_near_as_sixteen_even_steps(weight: np.ndarray) -> None:
    weight = (weight / 100).astype(np.float32)  # what float16 holds
    values, kept = quantise_halves(weight)
    assert values.dtype == np.uint8
    assert values.max() < 16
    grouped = weight.reshape(*kept.shape[:2], -1).astype(np.float64)
    scale, offset = kept[:, :, :1].astype(np.float64), kept[:, :, 1:].astype(np.float64)
    back = (values.reshape(grouped.shape).astype(np.float64) - 8) * scale + offset
    range_ = grouped.max(2) - grouped.min(2)
    error = np.sqrt(((back - grouped) ** 2).mean(2))
    # Sixteen steps from the least to the greatest are off by half of one at most; float16 by its own share.
    assert (error <= range_ / 30 * 1.001 + np.abs(grouped).max(2) * 2e-3 + 1e-6).all()


def test_int4_keeps_what_lies_on_a_grid() -> None:
    grid = np.arange(16, dtype=np.float32).repeat(2)
    weight = np.stack([grid * 0.5 - 3, grid[::-1] * 0.25, np.full(32, 2.0, np.float32)])
    values, kept = quantise_halves(weight)
    back = (values.astype(np.float32) - 8) * kept[:, 0, :1] + kept[:, 0, 1:]
    np.testing.assert_allclose(back, weight, atol=1e-3)


def test_two_values_of_int4_share_a_byte() -> None:
    values = np.arange(2 * PANEL, dtype=np.uint8).reshape(PANEL, 2) % 16
    (packed,) = panels(values)
    whole = packed.view(np.uint8)[0]
    ordered = values.reshape(-1)
    assert whole.tolist() == [
        (int(low) - 8) % 16 | (int(high) - 8) % 16 << 4
        for low, high in zip(ordered[:PANEL], ordered[PANEL:], strict=True)
    ]


def test_weights_too_large_for_int4_are_refused() -> None:
    with pytest.raises(ModelInvalid, match="set precision to int8"):
        quantise_halves(np.linspace(0, 1e9, 32, dtype=np.float32)[None])


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
