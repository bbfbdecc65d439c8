"""The lean forward pass: what it computes, and that no fast path changes it."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.drafting import ModelDrafts
from slm_lsp.engine.interface import Decoding, Raised, Remembered, Token, Usage
from slm_lsp.engine.llama.engine import LlamaEngine, load
from slm_lsp.engine.llama.plan import ROWS
from slm_lsp.engine.lookup import Nothing
from slm_lsp.errors import ModelError, ModelInvalid
from slm_lsp.models.layout import Lean, lean_file
from slm_lsp.models.quantise import fuse, quantise_groups, quantise_halves
from tests.engine.growing import grow

PROMPT = [5, 9, 200, 31, 77, 5, 9, 200, 8, 1, 64, 90]
LONG = [index * index % 251 for index in range(2 * ROWS + 9)]
SIZES: dict[str, Any] = {
    "vocab_size": 251,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
FAMILIES: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "llama 3": LlamaConfig(
        **SIZES,
        tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 10_000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 128,
        },
    ),
    "stretched": LlamaConfig(
        **SIZES,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0},
    ),
    "mistral": MistralConfig(**SIZES, tie_word_embeddings=False, head_dim=32),
    "qwen2": Qwen2Config(**SIZES, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SIZES, tie_word_embeddings=False, head_dim=16),
}


def model(config: PretrainedConfig) -> Any:
    """A random model with the weights that its int8 file holds, so that only activations are rounded."""
    torch.manual_seed(3)
    make: Any = AutoModelForCausalLM.from_config
    made = make(config)
    made.eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.dim() == 2:
                weight.normal_(0, 0.2)
                values, scale = quantise_groups(weight.numpy())
                grouped = values.reshape(*scale.shape, -1) * scale[..., None]
                weight.copy_(torch.from_numpy(grouped.reshape(weight.shape)))
            elif "norm" in name:
                weight.uniform_(0.5, 1.5)
            else:
                weight.normal_(0, 0.5)
    return made


def halves(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """What int4 makes of a matrix."""
    values, kept = quantise_halves(weight)
    grouped = values.reshape(*kept.shape[:2], -1).astype(np.float32) - 8
    scale, offset = kept[:, :, :1].astype(np.float32), kept[:, :, 1:].astype(np.float32)
    whole: NDArray[np.float32] = (grouped * scale + offset).reshape(weight.shape)
    return whole


def write(reference: Any, folder: Path, form: Lean = "int8") -> Path:
    tied = reference.config.tie_word_embeddings
    state = {
        name: tensor.numpy()
        for name, tensor in reference.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }
    fused = {name: np.ascontiguousarray(one) for name, one in fuse(state.items(), form).items()}
    save_file(fused, folder / lean_file(form))
    (folder / "config.json").write_text(json.dumps(reference.config.to_dict()), encoding="utf-8")
    return folder


@contextmanager
def loaded(folder: Path, megabytes: int = 16) -> Iterator[LlamaEngine]:
    made = load(folder, 2, megabytes, lambda fraction, message: None)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def reference() -> Any:
    return model(FAMILIES["llama"])


@pytest.fixture(scope="module", params=["int8", "int4", "float32"])
def folder(reference: Any, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return write(reference, tmp_path_factory.mktemp("tiny"), request.param)


@pytest.fixture
def engine(folder: Path) -> Iterator[LlamaEngine]:
    with loaded(folder) as made:
        yield made


@pytest.fixture
def fresh(folder: Path) -> Callable[[list[int]], list[Token]]:
    """Plain decoding by an engine that has seen nothing: what every fast path must give."""

    def decode(prompt: list[int]) -> list[Token]:
        with loaded(folder) as made:
            return list(made.generate(prompt, Decoding(12, drafts=Nothing()), CancelToken(), Usage()))

    return decode


def greedy(engine: LlamaEngine, prompt: list[int], count: int = 12) -> tuple[list[Token], Usage]:
    usage = Usage()
    return list(engine.generate(prompt, Decoding(count), CancelToken(), usage)), usage


OFF: dict[Lean, float] = {"int8": 0.02, "int4": 0.02, "float32": 1e-4, "bfloat16": 0.02, "float16": 0.02}
"""How far a log probability may be off; but for float32, keys and values are held in float16."""


@pytest.mark.parametrize("form", OFF)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_forward_pass_is_that_of_transformers(family: str, form: Lean, tmp_path: Path) -> None:
    theirs = model(FAMILIES[family])
    write(theirs, tmp_path, form)
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            # Matrices are what is rounded.
            if weight.dim() == 2 and form in ("bfloat16", "float16"):
                weight.copy_(weight.to(getattr(torch, form)))
            elif weight.dim() == 2 and form == "int4" and name.startswith("model.layers."):
                weight.copy_(torch.from_numpy(halves(weight.numpy())))
    with torch.inference_mode():
        expected = theirs(torch.tensor([LONG])).logits[0].log_softmax(-1)
    entropy = -(expected.exp() * expected).sum(-1)
    with loaded(tmp_path) as engine:
        assert engine.info.precision == form
        assert engine.info.parameters == sum(one.numel() for one in theirs.parameters())
        for length in (1, 2, 33, ROWS, len(LONG)):
            (token,) = engine.generate(LONG[:length], Decoding(1), CancelToken(), Usage())
            assert token.logprob == pytest.approx(float(expected[length - 1].max()), abs=OFF[form])
            assert float(expected[length - 1, token.id]) == pytest.approx(token.logprob, abs=OFF[form])
            assert token.entropy == pytest.approx(float(entropy[length - 1]), abs=OFF[form])


def test_what_is_read_in_pieces_is_the_same_to_the_bit(
    engine: LlamaEngine, fresh: Callable[[list[int]], list[Token]]
) -> None:
    for length in (1, 2, 7, 40, ROWS + 3, len(LONG)):
        engine.prefill(LONG[:length], CancelToken(), Usage())
    assert greedy(engine, LONG)[0] == fresh(LONG)


def test_reuse_does_not_change_the_output(
    engine: LlamaEngine, fresh: Callable[[list[int]], list[Token]]
) -> None:
    prompts = [PROMPT, PROMPT[:5], [*PROMPT, 7, 8], LONG, [*PROMPT[:3], 100, 101], [*LONG[:200], 9], PROMPT]
    for prompt in prompts:
        assert greedy(engine, prompt)[0] == fresh(prompt)


def test_typing_and_deleting_cost_only_the_new_tokens(engine: LlamaEngine) -> None:
    written, _ = greedy(engine, PROMPT, 6)
    for prompt, reused, prefilled in (
        ([*PROMPT[:8], 3, 4], 8, 2),
        ([*PROMPT[:8], 3, 4, 11], 10, 1),
        ([*PROMPT[:8], 3], 8, 1),
        (PROMPT, 8, 4),
        ([*PROMPT, *(token.id for token in written[:3])], 12, 3),
    ):
        _, usage = greedy(engine, prompt, 1)
        assert (usage.reused, usage.prefilled) == (reused, prefilled)


def test_an_engine_that_gave_its_memory_back_reads_anew_and_writes_the_same(engine: LlamaEngine) -> None:
    before, _ = greedy(engine, PROMPT)
    engine.shrink()
    after, usage = greedy(engine, PROMPT)
    assert after == before
    assert (usage.reused, usage.prefilled) == (0, len(PROMPT))


def test_accepting_a_suggestion_costs_one_token(engine: LlamaEngine) -> None:
    written, _ = greedy(engine, PROMPT, 6)
    _, usage = greedy(engine, [*PROMPT, *(token.id for token in written[:4])], 1)
    assert usage.prefilled == 1


def test_files_edited_in_turn_do_not_evict_each_other(engine: LlamaEngine) -> None:
    other = [7, *LONG[20:200]]
    greedy(engine, LONG)
    greedy(engine, other)
    for prompt in ([*LONG, 3], [*other, 3]):
        _, usage = greedy(engine, prompt)
        assert usage.prefilled == 1


def test_a_small_cache_forgets_what_was_used_least_and_answers_right(
    folder: Path, fresh: Callable[[list[int]], list[Token]]
) -> None:
    with loaded(folder, megabytes=1) as engine:
        prompts = [[start, *LONG] for start in range(12)]
        for prompt in prompts:
            assert greedy(engine, prompt)[0] == fresh(prompt)
        _, newest = greedy(engine, prompts[-1])
        assert newest.prefilled == 1


class Draft:
    """Proposes a text from where a sequence stands in it, whatever it is worth."""

    def __init__(self, text: Sequence[int]) -> None:
        self._text = text

    def propose(self, tokens: Sequence[int], limit: int) -> Sequence[int]:
        return self._text[len(tokens) :][:limit]


@pytest.mark.parametrize("wrong_from", [0, 1, 3, 7, 99])
def test_drafts_change_the_passes_and_not_the_output(
    engine: LlamaEngine, fresh: Callable[[list[int]], list[Token]], wrong_from: int
) -> None:
    plain = fresh(LONG)
    right = [*LONG, *(token.id for token in plain)]
    draft = [id if at < len(LONG) + wrong_from else (id + 1) % 251 for at, id in enumerate(right)]
    usage = Usage()
    drafted = list(engine.generate(LONG, Decoding(12, drafts=Draft(draft)), CancelToken(), usage))
    assert drafted == plain
    assert usage.drafted >= usage.accepted
    assert (usage.passes < 11) == (wrong_from > 1)
    again, _ = greedy(engine, LONG)
    assert again == plain


def test_a_smaller_model_drafts_and_the_output_stays(engine: LlamaEngine, folder: Path) -> None:
    plain = list(engine.generate(PROMPT, Decoding(24, drafts=Nothing()), CancelToken(), Usage()))
    usage = Usage()
    with loaded(folder) as small:
        drafts = ModelDrafts(small)
        assert list(engine.generate(PROMPT, Decoding(24, drafts=drafts), CancelToken(), usage)) == plain
    # It is the same model, which is always right.
    assert usage.drafted == usage.accepted > 0


class Sure:
    """A memory that is sure of the next token after every third, and drafts what it is sure of."""

    def __init__(self, drafts: bool) -> None:
        self._drafts = drafts

    def recalled(self, written: Sequence[int], allowed: Sequence[int] | None = None) -> Remembered | None:
        last = written[-1] if written else 0
        id, share, *loud = ((last * 7 + 1) % 251, 1.0, 3.0, 0.0) if last % 3 == 0 else (5, 0.01, 0.0, 0.5)
        loudness, power = (np.array([one]) for one in loud)
        return Remembered(np.array([id]), np.array([[share]]), loudness, np.zeros(1), power)

    def noted(self, written: Sequence[int], entropy: float, logs: NDArray[np.float64]) -> None:
        """A pure function of what was written learns nothing."""

    def draft(self, written: Sequence[int], limit: int) -> Sequence[int]:
        return [(written[-1] * 7 + 1) % 251, 9][:limit] if self._drafts else ()


def test_a_memorys_drafts_are_verified_against_the_mixture(folder: Path) -> None:
    with loaded(folder) as made:
        texts, passes = [], []
        for drafts in (False, True):
            usage = Usage()
            decoding = Decoding(40, drafts=Nothing(), memory=Sure(drafts))
            texts.append(list(made.generate(PROMPT, decoding, CancelToken(), usage)))
            passes.append(usage.passes)
            assert usage.recalled == sum(token.recalled for token in texts[-1]) > 0
        assert texts[0] == texts[1]
        assert passes[1] <= passes[0]
        decoding = Decoding(40, drafts=Nothing(), memory=Sure(True))
        several = made.generate_several(PROMPT, 1, decoding, CancelToken(), Usage(), set())
        assert list(grow(several, set()).values()) == [texts[0]]


class Known:
    """Names that may go on with every other token after every second."""

    def raised(self, written: Sequence[int]) -> Raised | None:
        return Raised(np.arange(251) % 2 == 0, 2.0) if len(written) % 2 else None


def test_drafts_are_verified_against_what_names_make_of_the_mixture(folder: Path) -> None:
    with loaded(folder) as made:
        usage, memory = Usage(), Sure(True)
        decoding = Decoding(40, drafts=Nothing(), memory=Sure(False), names=Known())
        plain = list(made.generate(PROMPT, decoding, CancelToken(), usage))
        assert usage.named == sum(token.named for token in plain) > 0
        drafted = list(made.generate(PROMPT, replace(decoding, memory=memory), CancelToken(), Usage()))
        assert drafted == plain
        searched = made.generate_several(
            PROMPT, 1, replace(decoding, memory=memory), CancelToken(), Usage(), set()
        )
        assert list(grow(searched, set()).values()) == [plain]


def test_drafts_that_make_no_sense_do_no_harm(
    engine: LlamaEngine, fresh: Callable[[list[int]], list[Token]]
) -> None:
    nonsense = Draft([10**6] * 600)
    stop = Draft([3] * 600)
    decoding = Decoding(12, frozenset({3}))
    plain = fresh(PROMPT)
    assert list(engine.generate(PROMPT, Decoding(12, drafts=nonsense), CancelToken(), Usage())) == plain
    expected = list(engine.generate(PROMPT, decoding, CancelToken(), Usage()))
    with_stop = Decoding(12, frozenset({3}), stop)
    assert list(engine.generate(PROMPT, with_stop, CancelToken(), Usage())) == expected


class Only:
    """Allows two tokens for the first two steps."""

    text = b""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def allowed(self) -> list[int] | None:
        return [40, 41] if len(self.taken) < 2 else None

    def accept(self, token: int) -> None:
        self.taken.append(token)


def test_a_constraint_narrows_the_choice(engine: LlamaEngine) -> None:
    only = Only()
    decoding = Decoding(4, constraint=lambda: only)
    written = [one.id for one in engine.generate(PROMPT, decoding, CancelToken(), Usage())]
    assert set(written[:2]) <= {40, 41}
    assert only.taken == written
    several = engine.generate_several(PROMPT, 5, Decoding(4, constraint=Only), CancelToken(), Usage(), set())
    texts = grow(several, set()).values()
    assert {token.id for text in texts for token in text[:2]} == {40, 41}


def test_cancelling_within_a_pass_leaves_a_cache_that_can_be_used(
    engine: LlamaEngine, fresh: Callable[[list[int]], list[Token]]
) -> None:
    class Late(CancelToken):
        def check(self) -> None:
            super().check()
            if self.checks == 2:
                # From here on the pass runs, and is called off within.
                self.cancel()

    usage = Usage()
    with pytest.raises(Cancelled):
        list(engine.generate(LONG, Decoding(4), Late(), usage))
    assert usage.prefilled == ROWS
    assert greedy(engine, LONG)[0] == fresh(LONG)


def test_closing_the_generation_leaves_a_cache_that_can_be_used(engine: LlamaEngine) -> None:
    expected, _ = greedy(engine, PROMPT)
    tokens = engine.generate(PROMPT, Decoding(12), CancelToken(), Usage())
    next(tokens)
    tokens.close()
    assert greedy(engine, PROMPT)[0] == expected


def test_a_stop_id_ends_the_text_and_is_not_yielded(engine: LlamaEngine) -> None:
    written, _ = greedy(engine, PROMPT, 3)
    usage = Usage()
    decoding = Decoding(12, frozenset({written[0].id}))
    assert list(engine.generate(PROMPT, decoding, CancelToken(), usage)) == []
    assert usage.ended


@pytest.mark.parametrize("prompt", [[], [251], [-1], [1] * 1020])
def test_prompts_that_can_not_be_read_are_refused(engine: LlamaEngine, prompt: list[int]) -> None:
    with pytest.raises(ModelError, match="prompt"):
        list(engine.generate(prompt, Decoding(12), CancelToken(), Usage()))


def test_a_cut_off_file_is_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (weights,) = folder.glob("*.safetensors")
    (tmp_path / weights.name).write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(ModelInvalid, match="pull the model again"), loaded(tmp_path):
        pass


@pytest.mark.parametrize(
    "change", [{}, {"vocab_size": 300}, {"intermediate_size": 128}, {"num_hidden_layers": 4}]
)
def test_a_config_of_another_shape_is_refused(folder: Path, tmp_path: Path, change: dict[str, int]) -> None:
    config = json.loads((folder / "config.json").read_text()) | change if change else {}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (weights,) = folder.glob("*.safetensors")
    shutil.copy(weights, tmp_path)
    with pytest.raises(ModelInvalid, match=r"pull (it|the model) again"), loaded(tmp_path):
        pass
