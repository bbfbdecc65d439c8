"""The lean forward pass: what it computes, and that no fast path changes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.engine.llama.engine import CHUNK, LlamaEngine, load
from slm_lsp.engine.llama.linear import Int8Linear
from slm_lsp.errors import ModelError, ModelInvalid
from slm_lsp.models.quantise import fuse

PROMPT = [5, 9, 200, 31, 77, 5, 9, 200, 8, 1, 64, 90]


@pytest.fixture(scope="module")
def reference() -> Any:
    """A tiny random model whose weights are exact in int8, so that only the activations are rounded."""
    torch.manual_seed(3)
    shape: dict[str, Any] = dict(  # noqa: C408 - reads like the call it is for
        vocab_size=256,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        rope_theta=10000.0,
    )
    model: Any = LlamaForCausalLM(LlamaConfig(**shape))
    model.eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight.normal_(0, 0.2)
                scale = weight.abs().amax(1, keepdim=True) / 127
                weight.copy_((weight / scale).round() * scale)
    return model


@pytest.fixture(scope="module")
def folder(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny")
    state = {
        name: tensor.numpy() for name, tensor in reference.state_dict().items() if name != "lm_head.weight"
    }
    save_file(
        {name: np.ascontiguousarray(one) for name, one in fuse(state.items()).items()},
        path / "model.int8.safetensors",
    )
    (path / "config.json").write_text(json.dumps(reference.config.to_dict()), encoding="utf-8")
    return path


@pytest.fixture
def engine(folder: Path) -> Iterator[LlamaEngine]:
    made = load(folder, 2, lambda fraction, message: None)
    yield made
    made.close()


def greedy(engine: LlamaEngine, prompt: list[int], count: int = 12) -> tuple[list[int], Usage]:
    usage = Usage()
    return [token.id for token in engine.generate(prompt, Decoding(count), CancelToken(), usage)], usage


def test_the_forward_pass_is_that_of_transformers(engine: LlamaEngine, reference: Any) -> None:
    """Activations rounded to 7 bits leave the logits close; a wrong rotation or mask would not."""
    with torch.inference_mode():
        expected = reference(torch.tensor([PROMPT])).logits[0, -1].log_softmax(-1)
    (first,) = engine.generate(PROMPT, Decoding(1), CancelToken(), Usage())
    assert first.id == int(expected.argmax())
    assert first.logprob == pytest.approx(float(expected.max()), abs=0.15)


def test_a_row_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(1)
    weight = torch.randint(-127, 128, (48, 32), dtype=torch.int8)
    layer = Int8Linear(weight, torch.rand(48) + 0.1)
    rows = torch.randn(17, 32)
    rows[3] *= 1000  # an outlier must not cost the other rows their precision
    alone = torch.cat([layer(row[None]) for row in rows])
    assert torch.equal(layer(rows), alone)


def test_int8_products_do_not_overflow() -> None:
    weight = torch.full((8, 64), 127, dtype=torch.int8)
    layer = Int8Linear(weight, torch.ones(8))
    assert torch.allclose(layer(torch.ones(1, 64)), torch.full((1, 8), 127.0 * 64), rtol=1e-5)


def test_a_row_of_zeros_stays_zero() -> None:
    layer = Int8Linear(torch.ones(4, 32, dtype=torch.int8), torch.ones(4))
    assert torch.equal(layer(torch.zeros(2, 32)), torch.zeros(2, 4))


def test_the_cache_is_reused_for_the_common_beginning(engine: LlamaEngine) -> None:
    greedy(engine, PROMPT, 4)
    _, usage = greedy(engine, [*PROMPT[:8], 3, 4], 4)
    assert (usage.reused, usage.prefilled) == (8, 2)


def test_typing_on_into_the_suggestion_costs_only_the_last_token(engine: LlamaEngine) -> None:
    written, _ = greedy(engine, PROMPT, 6)
    _, usage = greedy(engine, [*PROMPT, *written[:3]], 2)
    assert usage.prefilled == 1


def test_reuse_does_not_change_the_output(engine: LlamaEngine, folder: Path) -> None:
    fresh = load(folder, 2, lambda fraction, message: None)
    prompts = [PROMPT, PROMPT[:5], [*PROMPT, 7, 8], [*PROMPT[:3], 100, 101], PROMPT]
    warm = [greedy(engine, prompt)[0] for prompt in prompts]
    for prompt, expected in zip(prompts, warm, strict=True):
        fresh._cache.truncate(0)
        assert greedy(fresh, prompt)[0] == expected
    fresh.close()


def test_long_prompts_are_read_in_chunks(engine: LlamaEngine, reference: Any) -> None:
    prompt = [index * 7 % 256 for index in range(CHUNK * 2 + 9)]
    written, usage = greedy(engine, prompt, 1)
    with torch.inference_mode():
        expected = int(reference(torch.tensor([prompt])).logits[0, -1].argmax())
    assert usage.prefilled == len(prompt)
    assert written == [expected]


def test_cancelling_between_layers_leaves_a_cache_that_can_be_used(engine: LlamaEngine) -> None:
    expected, _ = greedy(engine, PROMPT)
    engine._cache.truncate(0)

    class Late(CancelToken):
        checks = 0

        def check(self) -> None:
            self.checks += 1
            if self.checks == 2:
                self.cancel()
            super().check()

    with pytest.raises(Cancelled):
        list(engine.generate(PROMPT, Decoding(4), Late(), Usage()))
    assert greedy(engine, PROMPT)[0] == expected


def test_closing_the_generation_leaves_a_cache_that_can_be_used(engine: LlamaEngine) -> None:
    expected, _ = greedy(engine, PROMPT)
    tokens = engine.generate(PROMPT, Decoding(12), CancelToken(), Usage())
    next(tokens)
    tokens.close()
    assert greedy(engine, PROMPT)[0] == expected


def test_a_stop_id_ends_the_text_and_is_not_yielded(engine: LlamaEngine) -> None:
    written, _ = greedy(engine, PROMPT, 3)
    usage = Usage()
    decoding = Decoding(12, frozenset({written[0]}))
    assert list(engine.generate(PROMPT, decoding, CancelToken(), usage)) == []
    assert usage.ended


def test_a_constraint_narrows_the_choice(engine: LlamaEngine) -> None:
    class Only:
        taken: list[int] = []  # noqa: RUF012 - one test's own

        def allowed(self) -> list[int] | None:
            return [40, 41] if len(self.taken) < 2 else None

        def accept(self, token: int) -> None:
            self.taken.append(token)

    written = [one.id for one in engine.generate(PROMPT, Decoding(4), CancelToken(), Usage(), Only())]
    assert set(written[:2]) <= {40, 41}
    assert Only.taken == written


@pytest.mark.parametrize("prompt", [[], [256], [1] * 1020])
def test_prompts_that_can_not_be_read_are_refused(engine: LlamaEngine, prompt: list[int]) -> None:
    with pytest.raises(ModelError, match="prompt"):
        list(engine.generate(prompt, Decoding(12), CancelToken(), Usage()))


def test_a_cut_off_file_is_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    whole = (folder / "model.int8.safetensors").read_bytes()
    (tmp_path / "model.int8.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelInvalid, match="pull the model again"):
        load(tmp_path, 2, lambda fraction, message: None)


def test_a_config_of_another_shape_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelInvalid, match="Llama shape"):
        load(tmp_path, 2, lambda fraction, message: None)
