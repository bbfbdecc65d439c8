from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own name

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.adapter import FINGERPRINT, About, Adapter, fingerprint
from slm_lsp.tuning.dataset import Batch
from slm_lsp.tuning.layout import Layout
from slm_lsp.tuning.lean import LeanBody, can_be_lean, token_losses
from slm_lsp.tuning.lora import Tuned, load_base
from tests import families


@pytest.fixture
def tuned(model_folder: Path, taught: Layout) -> Tuned:
    """A tuned model whose LoRA matrices are not zero."""
    made = Tuned(load_base(model_folder), 4, taught, 1)
    with torch.no_grad():
        for name, parameter in made.trained():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    return made


def batch(taught: Layout) -> Batch:
    """Two examples and a plain text, padded."""
    rng = np.random.default_rng(2)
    ids = rng.integers(40, 200, size=(3, 14))
    ids[:, 0], ids[:, 4] = taught.trained[:2]
    ids[0, 13] = ids[1, 9] = taught.end
    ids[1, 10:] = 0
    return Batch(ids, np.array([5, 5, 0]), np.array([9, 7, 14]), np.array([14, 10, 14]))


def gradients(tuned: Tuned) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in tuned.trained():
        assert parameter.grad is not None, name
        yield name, parameter.grad.clone()
        parameter.grad = None


def test_the_lean_body_computes_what_transformers_and_peft_do(tuned: Tuned) -> None:
    model = tuned._base.model
    embedded = torch.randn(2, 9, model.config.hidden_size, requires_grad=True)
    weights = torch.randn_like(embedded)
    outcomes: list[Any] = []
    bodies: tuple[Any, ...] = (
        LeanBody(model),
        lambda x: model(inputs_embeds=x, use_cache=False).last_hidden_state,
    )
    for body in bodies:
        embedded.grad = None
        hidden = body(embedded)
        torch.autograd.backward((hidden * weights).sum())
        assert embedded.grad is not None
        lora = {name: parameter.grad for name, parameter in tuned.trained() if name != "rows"}
        outcomes.append(
            (hidden.detach(), embedded.grad.clone(), {name: one.clone() for name, one in lora.items()})
        )
        for _, parameter in tuned.trained():
            parameter.grad = None
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=1e-3, atol=1e-4)


def test_products_in_bfloat16_lead_where_those_in_float32_do(
    tuned: Tuned, model_folder: Path, taught: Layout
) -> None:
    rough = Tuned(load_base(model_folder), 4, taught, 1, torch.bfloat16)
    with torch.no_grad():
        for (_, to), (_, value) in zip(rough.trained(), tuned.trained(), strict=True):
            to.copy_(value)
    losses = [one.loss(batch(taught)) for one in (tuned, rough)]
    assert losses[1].middle == pytest.approx(losses[0].middle, rel=0.01)
    assert losses[1].middle != losses[0].middle
    for loss in losses:
        torch.autograd.backward(loss.total)
    exact = dict(gradients(tuned))
    for name, gradient in gradients(rough):
        assert F.cosine_similarity(gradient.flatten(), exact[name].flatten(), dim=0) > 0.98, name


def test_losses_and_gradients_are_those_of_cross_entropy() -> None:
    hidden, rows = torch.randn(300, 16, requires_grad=True), torch.randn(2, 16, requires_grad=True)
    head, special = torch.randn(50, 16), torch.tensor([7, 9])
    targets, weights = torch.randint(0, 50, (300,)), torch.rand(300)
    total, losses = token_losses(hidden, head, rows, special, targets, weights)
    torch.autograd.backward(total / 3)
    found = hidden.grad, rows.grad
    hidden.grad = rows.grad = None
    logits = F.linear(hidden, head.index_add(0, special, rows))
    expected = F.cross_entropy(logits, targets, reduction="none")
    torch.autograd.backward((expected * weights).sum() / 3)
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found, (hidden.grad, rows.grad), rtol=1e-4, atol=1e-5)


def test_only_what_is_to_be_learned_counts(tuned: Tuned, taught: Layout) -> None:
    loss = tuned.loss(batch(taught))
    assert (loss.end_tokens, loss.middle_tokens) == (2, 4 + 2)
    assert loss.prefix_tokens == 3 + 1 + 13


def test_the_first_token_of_a_middle_counts_where_nothing_is_before_it(tuned: Tuned, taught: Layout) -> None:
    ids = batch(taught).ids[:1]
    assert tuned.loss(Batch(ids, np.array([9]), np.array([9]), np.array([14]))).middle_tokens == 4


def test_padding_changes_nothing(tuned: Tuned, taught: Layout) -> None:
    whole = batch(taught)
    padded = Batch(np.pad(whole.ids, ((0, 0), (0, 5))), whole.prefix_at, whole.middle_at, whole.length)
    torch.autograd.backward(tuned.loss(whole).total)
    before = dict(gradients(tuned))
    torch.autograd.backward(tuned.loss(padded).total)
    # Products of other shapes are rounded otherwise, each number by the size of what was added up for it.
    for name, gradient in gradients(tuned):
        assert (gradient - before[name]).norm() <= 1e-3 * before[name].norm(), name


def test_the_adapter_merged_into_the_base_is_the_tuned_model(
    tuned: Tuned, taught: Layout, model_folder: Path
) -> None:
    base = {name: value.detach().numpy() for name, value in load_base(model_folder).state_dict().items()}
    about = About("tiny", fingerprint(base), 4, taught.rename, list(taught.trained), "MIT", 0, 0.0)
    adapter = Adapter(about, tuned.adapter_tensors())
    adapter.check(base)
    merged = load_base(model_folder)
    merged.load_state_dict(
        {
            name: torch.from_numpy(adapter.merged(name, base[name]))
            for name in base
            if name != "lm_head.weight"
        },
        strict=False,
    )
    ids = torch.from_numpy(batch(taught).ids[:1, :9])
    with torch.inference_mode():
        logits = merged(ids, use_cache=False).logits[0, -1].log_softmax(-1)
        target = batch(taught).ids[:1, :10]
    one = Batch(target, np.array([5]), np.array([9]), np.array([10]))
    assert tuned.loss(one).middle == pytest.approx(-logits[target[0, 9]].item(), abs=2e-2)


def test_training_goes_on_where_an_adapter_ended(tuned: Tuned, taught: Layout, model_folder: Path) -> None:
    mark = fingerprint(tuned.base_tensors(FINGERPRINT))
    about = About("tiny", mark, 4, taught.rename, list(taught.trained), "MIT", 0, 0.0)
    adapter = Adapter(about, tuned.adapter_tensors())
    fresh = Tuned(load_base(model_folder), 4, taught, 7)
    before = fresh.loss(batch(taught)).middle
    fresh.take(adapter)
    assert fresh.loss(batch(taught)).middle == pytest.approx(tuned.loss(batch(taught)).middle, abs=2e-2)
    assert fresh.loss(batch(taught)).middle != pytest.approx(before, abs=2e-2)
    with pytest.raises(ModelInvalid, match="rank 4"):
        Tuned(load_base(model_folder), 2, taught, 1).take(adapter)


@pytest.mark.parametrize("family", ["qwen2", "mistral", "phi3", "gemma"])
def test_other_families_train_as_transformers_runs_them(family: str, taught: Layout) -> None:
    model = families.model(family, 300)
    model.requires_grad_(False)
    assert not can_be_lean(model.config)
    tuned = Tuned(model, 2, replace(taught, trained=()), 1)
    torch.autograd.backward(tuned.loss(batch(taught)).total)
    assert all(bool(torch.isfinite(grad).all()) for _, grad in gradients(tuned))


def test_a_model_whose_head_is_not_its_embedding_can_not_learn_a_new_format(taught: Layout) -> None:
    with pytest.raises(ModelInvalid, match="not tied"):
        Tuned(families.model("qwen2", 300), 2, taught, 1)
