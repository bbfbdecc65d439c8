from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine import hf
from slm_lsp.engine.hf import TransformersEngine
from slm_lsp.engine.interface import Decoding, Token, Usage
from slm_lsp.errors import ModelError
from tests import families
from tests.engine.growing import grow, ids

PROMPT = [(i * 37) % 250 + 3 for i in range(40)]


class CancelAtCheck(CancelToken):
    """Cancels itself at its `n`-th check."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._left = n

    def check(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.cancel()
        super().check()


class Only:
    """Allows `first` as the first token, then any."""

    text = b""

    def __init__(self, first: Sequence[int]) -> None:
        self._first: Sequence[int] | None = first
        self.accepted: list[int] = []

    def allowed(self) -> Sequence[int] | None:
        return self._first

    def accept(self, token: int) -> None:
        self.accepted.append(token)
        self._first = None


def load(folder: Path, precision: str = "float32") -> TransformersEngine:
    return hf.load(folder, None, "cpu", precision, 1, lambda fraction, message: None)


def run(engine: TransformersEngine, prompt: Sequence[int], count: int = 6) -> tuple[list[Token], Usage]:
    usage = Usage()
    return list(engine.generate(prompt, Decoding(count), CancelToken(), usage)), usage


def assert_same(one: list[Token], other: list[Token]) -> None:
    assert [token.id for token in one] == [token.id for token in other]
    assert [token.logprob for token in one] == pytest.approx([token.logprob for token in other], abs=1e-3)


@pytest.fixture(scope="module", params=["llama", "gemma3", "mamba"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model each with full attention, with sliding windows, and without attention."""
    return families.save(tmp_path_factory.mktemp("models") / request.param, request.param)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return families.save(tmp_path_factory.mktemp("models") / "llama", "llama")


@pytest.fixture
def engine(llama: Path) -> TransformersEngine:
    return load(llama)


def test_a_warm_cache_gives_the_tokens_of_a_cold_one(folder: Path) -> None:
    """Typing, accepting, deleting, changing the middle, and going back: a stale key or value would show."""
    warm = load(folder)
    accepted = [token.id for token in run(warm, PROMPT)[0]]
    for prompt in (
        PROMPT,
        [*PROMPT, *accepted[:3]],
        [*PROMPT, *accepted[:3], 9, 8],
        PROMPT[:35],
        [*PROMPT[:36], 7, *PROMPT[37:]],
        PROMPT[:5],
        PROMPT,
    ):
        assert_same(run(warm, prompt)[0], run(load(folder), prompt)[0])


def test_a_long_prompt_read_in_chunks_gives_the_tokens_of_one_pass(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(load(folder), PROMPT)[0]
    monkeypatch.setattr(hf, "CHUNK", 7)
    assert_same(run(load(folder), PROMPT)[0], whole)


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_typing_on_costs_only_what_was_typed(family: str, tmp_path: Path) -> None:
    engine = load(families.save(tmp_path, family))
    _, usage = run(engine, PROMPT)
    assert (usage.reused, usage.prefilled, usage.decoded) == (0, 40, 6)
    _, usage = run(engine, [*PROMPT, 9])
    assert (usage.reused, usage.prefilled) == (40, 1)
    _, usage = run(engine, PROMPT)
    assert (usage.reused, usage.prefilled) == (39, 1)


@pytest.mark.parametrize("check", [2, 4, 7, 9, 23, 40, 77])
def test_a_cancelled_call_leaves_a_cache_that_can_be_trusted(
    folder: Path, check: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf, "CHUNK", 8)
    engine, usage = load(folder), Usage()
    with pytest.raises(Cancelled):
        list(engine.generate(PROMPT, Decoding(12), CancelAtCheck(check), usage))
    changed = [*PROMPT[:30], 5, *PROMPT[31:]]
    assert_same(run(engine, changed)[0], run(load(folder), changed)[0])


def test_cancelling_stops_within_a_pass_and_keeps_the_chunks_before_it(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf, "CHUNK", 8)
    engine, counted, usage = load(llama), CancelToken(), Usage()
    engine.prefill(PROMPT[:8], counted, Usage())
    # One check before the chunk, the others within its pass.
    assert counted.checks > 4
    with pytest.raises(Cancelled):
        list(engine.generate(PROMPT, Decoding(4), CancelAtCheck(2 * counted.checks + 3), usage))
    assert (usage.prefilled, usage.decoded) == (16, 0)
    assert_same(run(engine, PROMPT)[0], run(load(llama), PROMPT)[0])


def test_closing_the_iterator_early_keeps_what_was_computed(engine: TransformersEngine, llama: Path) -> None:
    tokens = engine.generate(PROMPT, Decoding(12), CancelToken(), Usage())
    first, second = next(tokens), next(tokens)
    tokens.close()
    prompt = [*PROMPT, first.id, second.id, 9]
    after, usage = run(engine, prompt)
    assert usage.reused >= len(PROMPT) + 1
    assert_same(after, run(load(llama), prompt)[0])


def test_a_stop_id_ends_the_text_and_is_not_part_of_it(engine: TransformersEngine) -> None:
    ids = [token.id for token in run(engine, PROMPT)[0]]
    usage = Usage()
    stopped = list(engine.generate(PROMPT, Decoding(6, frozenset({ids[2]})), CancelToken(), usage))
    assert [token.id for token in stopped] == ids[:2]
    assert usage.ended
    assert usage.decoded == 2


def test_reaching_the_limit_is_no_end_of_the_text(engine: TransformersEngine) -> None:
    tokens, usage = run(engine, PROMPT, 3)
    assert len(tokens) == usage.decoded == 3
    assert not usage.ended


def test_a_constraint_narrows_the_choice_but_not_the_probabilities(engine: TransformersEngine) -> None:
    with torch.inference_mode():
        logits = families.model("llama")(torch.tensor([PROMPT])).logits[0, -1]
    logprobs = logits.log_softmax(-1)
    allowed = sorted(set(range(256)) - {int(logits.argmax())})[::5]
    constraint = Only(allowed)
    tokens = list(engine.generate(PROMPT, Decoding(3, constraint=lambda: constraint), CancelToken(), Usage()))
    best = max(allowed, key=lambda id: float(logits[id]))
    assert tokens[0].id == best
    assert tokens[0].logprob == pytest.approx(float(logprobs[best]), abs=1e-4)
    assert constraint.accepted == [token.id for token in tokens]


@pytest.mark.parametrize(
    ("prompt", "count"),
    [([], 4), ([3, 256], 4), ([-1], 4), (PROMPT, 1024)],
    ids=["empty", "unknown", "negative", "long"],
)
def test_a_prompt_that_the_model_cannot_read_is_refused(
    engine: TransformersEngine, prompt: list[int], count: int
) -> None:
    with pytest.raises(ModelError, match="the prompt is"):
        run(engine, prompt, count)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "not enough memory"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:118] can't allocate memory: you tried"),
            "not enough memory",
        ),
        (RuntimeError("mat1 and mat2 shapes\ncannot be multiplied"), "shapes cannot be multiplied"),
    ],
)
def test_a_failing_pass_is_one_sentence_and_the_next_call_is_right(
    llama: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    engine = load(llama)
    expected = run(engine, PROMPT)[0]

    def fail(*args: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        # The first layer has taken the new token by then, the last has not.
        patch.setattr(engine._model.model.layers[1].mlp, "forward", fail)
        with pytest.raises(ModelError, match=sentence) as raised:
            run(engine, [*PROMPT, 9])
    assert "\n" not in str(raised.value)
    assert_same(run(engine, PROMPT)[0], expected)


def test_numbers_that_overflow_are_an_error_and_no_suggestion(tmp_path: Path) -> None:
    model = families.model("llama")
    torch.nn.init.constant_(model.model.norm.weight, 1e30)
    model.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="set precision"):
        run(load(tmp_path, "float16"), PROMPT)


def test_int8_writes_nearly_what_float32_writes(folder: Path) -> None:
    dense, int8 = load(folder), load(folder, "int8")
    prompts = [[(i * step) % 250 + 3 for i in range(12)] for step in range(11, 31)]
    pairs = [(run(dense, prompt, 1)[0][0], run(int8, prompt, 1)[0][0]) for prompt in prompts]
    assert sum(one.id == other.id for one, other in pairs) >= 14
    assert sum(abs(one.logprob - other.logprob) for one, other in pairs) / len(pairs) < 0.2


@pytest.mark.parametrize(
    ("precision", "taken"), [("auto", "int8"), ("bfloat16", "bfloat16"), ("float16", "float16")]
)
def test_info_says_what_is_loaded(llama: Path, precision: str, taken: str) -> None:
    engine = load(llama, precision)
    info = engine.info
    assert (info.architecture, info.precision, info.device, info.threads) == ("llama", taken, "cpu", 1)
    assert (info.context_length, info.backend) == (1024, "transformers")
    assert info.parameters == families.model("llama").num_parameters()
    assert len(run(engine, PROMPT, 2)[0]) == 2


def test_texts_begin_with_the_likeliest_tokens_and_go_on_greedily(folder: Path) -> None:
    engine, ended = load(folder), set[int]()
    several = engine.generate_several(PROMPT, 3, Decoding(5), CancelToken(), Usage(), ended)
    second = list[int]()

    def ends(text: Sequence[Token]) -> bool:
        if len(text) == 1:
            second.append(text[0].id)
        return len(second) == 2 and len(text) == 2

    written = ids(grow(several, ended, ends))
    alone = load(folder)
    assert written[0] == [token.id for token in run(alone, PROMPT, 5)[0]]
    assert len({one[0] for one in written}) == 3
    for one, count in zip(written, (5, 2, 5), strict=True):
        assert one[1:] == [token.id for token in run(alone, [*PROMPT, one[0]], count - 1)[0]]


def test_a_prompt_read_ahead_of_need_is_reused(engine: TransformersEngine) -> None:
    engine.prefill(PROMPT, CancelToken(), Usage())
    _, usage = run(engine, [*PROMPT, 9])
    assert (usage.reused, usage.prefilled) == (40, 1)
