from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from slm_lsp.benchmark import engine as bench
from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Token, Usage
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import SlmLspError, UsageError


def encode(text: str) -> list[int]:
    return [ord(character) % 256 for character in text[:20_000]]


def test_prompts_are_windows_of_real_code_that_begin_in_different_places() -> None:
    some = bench.prompts(encode, 200, 40, 1)
    assert len({tuple(ids) for ids in some}) == 40
    assert {len(ids) for ids in some} == {200}
    assert some == bench.prompts(encode, 200, 40, 1)
    assert some != bench.prompts(encode, 200, 40, 2)


def test_an_engine_is_measured_in_every_way() -> None:
    told: list[str] = []
    figures = bench.measure(
        ScriptedEngine(lambda _ids: [1, 2, 3]), bench.prompts(encode, bench.PREFILL[-1], 12, 0), told.append
    )
    assert {f"prefill_{size}" for size in bench.PREFILL} <= figures.keys()
    assert {f"pass_ms_{rows}" for rows in bench.COST_CURVE} <= figures.keys()
    assert {"decode_ms_plain", "decode_ms_drafts", "cold_ms", "warm_ms", "resident_mb"} <= figures.keys()
    assert all(value > 0 for value in figures.values())
    assert len(told) == len(set(told))


class Wrong(ScriptedEngine):
    """Writes something else once it has read ahead."""

    def prefill(self, prompt: Sequence[int], cancel: CancelToken, usage: Usage) -> None:
        self._ahead = True

    def generate(
        self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
    ) -> Generator[Token, None, None]:
        yield Token(9 if getattr(self, "_ahead", False) else 1, 0.0, 0.0)


def test_outputs_that_differ_are_told_by_path() -> None:
    prompts, advanced = [[1] * 30, [2] * 30], list[int]()
    right = ScriptedEngine(lambda _ids: [1, 2, 3])
    assert list(bench.compare_output(right, right, prompts, lambda: advanced.append(1))) == []
    assert len(advanced) == 2
    found = list(
        bench.compare_output(Wrong(lambda _ids: [1]), Wrong(lambda _ids: [1]), prompts, lambda: None)
    )
    assert found.count("read ahead, with drafts") == found.count("reused") == 2


def test_a_plain_engine_that_reuses_is_no_measure() -> None:
    class Reusing(ScriptedEngine):
        def generate(
            self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
        ) -> Generator[Token, None, None]:
            usage.reused = 20
            yield Token(1, 0.0, 0.0)

    with pytest.raises(SlmLspError, match="too much alike"):
        list(
            bench.compare_output(Reusing(lambda _ids: []), Reusing(lambda _ids: []), [[1] * 30], lambda: None)
        )


def test_a_shape_that_is_not_known_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"qwen2\.5-coder-0\.5b"):
        bench.random_model("gpt-9", tmp_path)
