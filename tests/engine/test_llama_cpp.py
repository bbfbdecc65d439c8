"""llama.cpp in this process, where the extra `llama-cpp` is installed, with tiny random weights."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.completion.loading import local
from slm_lsp.config import Settings
from slm_lsp.engine import hf, llama_cpp
from slm_lsp.engine.interface import Decoding, Engine, Token, Usage
from slm_lsp.engine.llama_cpp import LlamaCppEngine
from slm_lsp.errors import ModelError, ModelInvalid
from slm_lsp.models import convert, gguf_reader
from tests.engine.growing import grow, ids
from tests.models import tiny

pytest.importorskip("llama_cpp", reason="the extra `llama-cpp` is not installed")

PROMPT = [(i * 37) % 200 + 10 for i in range(40)]

WRITERS: dict[str, Callable[[Path], None]] = {
    "llama": lambda path: tiny.write_gguf(path, tiny.weights()),
    "gemma3": tiny.write_gemma3_gguf,
}


class CancelWithin(CancelToken):
    """Is cancelled right after its `n`-th check, in the middle of what follows."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._left = n

    def check(self) -> None:
        super().check()
        self._left -= 1
        if self._left == 0:
            self.cancel()


@pytest.fixture(params=WRITERS)
def gguf(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One model with full attention, and one with sliding windows."""
    WRITERS[request.param](tmp_path / "tiny.gguf")
    return tmp_path / "tiny.gguf"


@pytest.fixture
def engine(gguf: Path) -> Iterator[LlamaCppEngine]:
    engine = load(gguf)
    yield engine
    engine.close()


def load(gguf: Path) -> LlamaCppEngine:
    return llama_cpp.load(gguf, 1, lambda fraction, message: None)


def run(engine: Engine, prompt: Sequence[int], count: int = 6) -> tuple[list[Token], Usage]:
    usage = Usage()
    return list(engine.generate(prompt, Decoding(count), CancelToken(), usage)), usage


def test_it_writes_what_transformers_writes_with_the_same_weights(engine: Engine, gguf: Path) -> None:
    """llama.cpp keeps keys and values in 16 bits."""
    convert.write_dense(gguf_reader.read(gguf), gguf.parent, lambda fraction, message: None)
    other = hf.load(gguf.parent, None, "cpu", "float32", 1, lambda fraction, message: None)
    ours, theirs = run(engine, PROMPT)[0], run(other, PROMPT)[0]
    assert [token.id for token in ours] == [token.id for token in theirs]
    for name in ("logprob", "entropy"):
        assert [getattr(token, name) for token in ours] == pytest.approx(
            [getattr(token, name) for token in theirs], abs=0.05
        )


def test_typing_on_costs_only_what_was_typed(engine: Engine, gguf: Path) -> None:
    assert run(engine, PROMPT)[1].prefilled == 40
    after, usage = run(engine, [*PROMPT, 9])
    assert (usage.reused, usage.prefilled) == (40, 1)
    assert [token.id for token in after] == [token.id for token in run(load(gguf), [*PROMPT, 9])[0]]
    changed = [*PROMPT[:20], 5, *PROMPT[21:]]
    again, usage = run(engine, changed)
    assert (usage.reused, usage.prefilled) == (20, 20)
    assert [token.id for token in again] == [token.id for token in run(load(gguf), changed)[0]]


def test_a_prompt_longer_than_one_pass_gives_the_tokens_of_one(
    gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(load(gguf), PROMPT)[0]
    monkeypatch.setattr(llama_cpp, "CHUNK", 8)
    assert [token.id for token in run(load(gguf), PROMPT)[0]] == [token.id for token in whole]


@pytest.mark.parametrize("check", [1, 3, 7])
def test_a_pass_is_called_off_in_the_middle_and_what_was_read_is_kept(
    gguf: Path, check: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_cpp, "CHUNK", 8)
    engine, usage = load(gguf), Usage()
    with pytest.raises(Cancelled):
        list(engine.generate(PROMPT, Decoding(12), CancelWithin(check), usage))
    assert usage.prefilled == min(40, 8 * (check - 1))
    assert usage.passes == max(0, check - 7)
    after, usage = run(engine, PROMPT)
    assert usage.reused == min(39, 8 * (check - 1))
    assert [token.id for token in after] == [token.id for token in run(load(gguf), PROMPT)[0]]


def test_branches_begin_with_the_likeliest_tokens_and_go_on_greedily(engine: Engine) -> None:
    ended = set[int]()
    written = ids(grow(engine.generate_several(PROMPT, 3, Decoding(4), CancelToken(), Usage(), ended), ended))
    assert len({one[0] for one in written}) == 3
    for one in written:
        assert one[1:] == [token.id for token in run(engine, [*PROMPT, one[0]], 3)[0]]


def test_what_does_not_fit_or_is_unknown_is_refused(engine: Engine) -> None:
    for prompt, count in (([], 4), ([100_000], 4), (PROMPT, 128)):
        with pytest.raises(ModelError, match="the prompt is"):
            run(engine, prompt, count)


def test_memory_that_was_given_back_leaves_the_output_as_it_is(engine: Engine) -> None:
    before = run(engine, PROMPT)[0]
    engine.shrink()
    after, usage = run(engine, PROMPT)
    assert usage.reused == 0
    assert after == before


def test_an_architecture_that_llama_cpp_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    tiny.write_gguf(path, tiny.weights(), architecture="lllama")
    with pytest.raises(ModelInvalid, match="unknown model architecture: 'lllama'") as raised:
        load(path)
    assert "\n" not in str(raised.value)


def test_a_file_that_the_lean_engine_can_not_run_is_served_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLM_LSP_CACHE", str(tmp_path / "cache"))
    for name, write in WRITERS.items():
        write(tmp_path / f"{name}.gguf")
    models = {
        (name, precision): local(
            Settings(model=str(tmp_path / f"{name}.gguf"), precision=precision),
            lambda fraction, message: None,
        )
        for name, precision in (("gemma3", "auto"), ("gemma3", "int8"), ("llama", "auto"))
    }
    assert [model.engine.info.backend for model in models.values()] == [
        "llama.cpp",
        "transformers",
        "slm-lsp",
    ]
    info = models["gemma3", "auto"].engine.info
    assert (info.architecture, info.precision, info.context_length) == ("gemma3", "(guessed) all F32", 128)
    assert info.weights == 4 * info.parameters
