"""Smoothing moves outliers and changes nothing else."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from slm_lsp.models.smoothing import activation_peaks, smooth
from tests.models import tiny

CONFIG: dict[str, Any] = {
    "vocab_size": len(tiny.TOKENS),
    "hidden_size": tiny.HIDDEN,
    "intermediate_size": tiny.INNER,
    "num_hidden_layers": tiny.LAYERS,
    "num_attention_heads": tiny.HEADS,
    "num_key_value_heads": tiny.KV_HEADS,
    "head_dim": tiny.HEAD,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
}
SAMPLE = [5, 90, 17, 200, 33, 5, 6, 150, 90, 41]
OUTLIER = 7


def weights() -> tiny.Weights:
    """Random weights, one channel of whose activations is an outlier."""
    made = tiny.weights()
    made["model.layers.0.input_layernorm.weight"][OUTLIER] *= 100
    return made


def reference(tensors: tiny.Weights) -> Any:
    model: Any = LlamaForCausalLM(LlamaConfig(**CONFIG))
    state = {name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in tensors.items()}
    model.load_state_dict(state | {"lm_head.weight": state["model.embed_tokens.weight"]})
    return model.eval()


def logits(tensors: tiny.Weights) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = reference(tensors)(torch.tensor([SAMPLE])).logits
    return result


def test_the_model_computes_what_it_did() -> None:
    tensors = weights()
    before = logits(tensors)
    smooth(tensors, CONFIG, SAMPLE)
    torch.testing.assert_close(logits(tensors), before, rtol=1e-3, atol=1e-3)


def test_an_outlier_among_the_activations_is_evened_out() -> None:
    tensors = weights()

    def unevenness() -> float:
        peaks = activation_peaks(tensors, CONFIG, SAMPLE)["model.layers.0.qkv"]
        return float(peaks.max() / np.median(peaks))

    before = unevenness()
    smooth(tensors, CONFIG, SAMPLE)
    assert unevenness() < before / 4


@pytest.mark.parametrize(
    ("place", "module"),
    [
        ("qkv", "self_attn.v_proj"),
        ("o", "self_attn.o_proj"),
        ("gate_up", "mlp.up_proj"),
        ("down", "mlp.down_proj"),
    ],
)
def test_activations_are_those_of_transformers(place: str, module: str) -> None:
    tensors = weights()
    model, seen = reference(tensors), {}
    for layer in range(tiny.LAYERS):
        name = f"model.layers.{layer}.{module}"

        def note(_: Any, inputs: tuple[torch.Tensor], layer: int = layer) -> None:
            seen[layer] = inputs[0][0].abs().amax(0).numpy()

        model.get_submodule(name).register_forward_pre_hook(note)
    with torch.inference_mode():
        model(torch.tensor([SAMPLE]))
    peaks = activation_peaks(tensors, CONFIG, SAMPLE)
    for layer in range(tiny.LAYERS):
        np.testing.assert_allclose(peaks[f"model.layers.{layer}.{place}"], seen[layer], rtol=2e-3, atol=1e-4)
