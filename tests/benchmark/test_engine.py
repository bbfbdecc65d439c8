"""What `bench engine` measures, and that nothing is timed that was cached by accident."""

from collections.abc import Generator, Sequence

import pytest

from slm_lsp.benchmark import engine as bench
from slm_lsp.benchmark.prompts import prompts
from slm_lsp.benchmark.race import COLD, DEPTH, LENGTHS, race
from slm_lsp.benchmark.sameness import compare_output
from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Token, Usage
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import SlmLspError


def encode(text: str) -> list[int]:
    return [ord(character) % 256 for character in text[:20_000]]


def test_prompts_are_windows_of_real_code_that_begin_in_different_places() -> None:
    some = prompts(encode, 200, 40, 1)
    assert len({tuple(ids) for ids in some}) == 40
    assert {len(ids) for ids in some} == {200}
    assert some == prompts(encode, 200, 40, 1)
    assert some != prompts(encode, 200, 40, 2)


def test_everyone_gets_the_same_prompts_and_none_twice() -> None:
    engines = {name: ScriptedEngine(lambda _ids: [1] * 50) for name in ("one", "other")}
    found = race(
        {name: bench.Ours(one) for name, one in engines.items()},
        prompts(encode, LENGTHS[-1], 4, 0),
        2,
        lambda _what: None,
    )
    assert engines["one"].prompts == engines["other"].prompts
    # Each is gone on from twice, without and with drafts.
    first = [ids[0] for ids in engines["one"].prompts[::2]]
    assert len(first) == len(set(first))
    assert {len(ids) for ids in engines["one"].prompts} == {*LENGTHS, DEPTH, COLD}
    names = {f"prefill_{length}" for length in LENGTHS} | {"decode_ms_plain", "decode_ms_drafts", "cold_ms"}
    assert found["one"].keys() == found["other"].keys() == names
    assert all(value > 0 for value in found["one"].values())


def test_what_only_our_engine_does_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "CANCELS", 3)
    told: list[str] = []
    engine = ScriptedEngine(lambda _ids: [1] * 600, delay=0.001)
    figures = bench.measure(engine, prompts(encode, LENGTHS[-1], 4, 0), told.append)
    assert {f"pass_ms_{rows}" for rows in bench.ROWS} <= figures.keys()
    assert figures["warm_ms"] > 0
    assert 0 < figures["cancel_ms_write"] < 1000
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
    some, advanced = [[1] * 30, [2] * 30], list[int]()
    right = ScriptedEngine(lambda _ids: [1, 2, 3])
    assert list(compare_output(right, right, some, lambda: advanced.append(1))) == []
    assert len(advanced) == 2
    found = list(compare_output(Wrong(lambda _ids: [1]), Wrong(lambda _ids: [1]), some, lambda: None))
    assert found.count("read ahead, with drafts") == found.count("reused") == 2


def test_a_plain_engine_that_reuses_is_no_measure() -> None:
    class Reusing(ScriptedEngine):
        def generate(
            self, prompt: Sequence[int], decoding: Decoding, cancel: CancelToken, usage: Usage
        ) -> Generator[Token, None, None]:
            usage.reused = 20
            yield Token(1, 0.0, 0.0)

    engines = Reusing(lambda _ids: []), Reusing(lambda _ids: [])
    with pytest.raises(SlmLspError, match="too much alike"):
        list(compare_output(*engines, [[1] * 30], lambda: None))
