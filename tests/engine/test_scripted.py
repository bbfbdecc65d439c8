from collections.abc import Sequence

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, Engine, Usage
from slm_lsp.engine.scripted import ScriptedEngine
from tests.engine.growing import grow
from tests.engine.growing import ids as ids_of


class Steps:
    """Allows one set of ids after another, then any."""

    text = b""

    def __init__(self, *steps: Sequence[int]) -> None:
        self._steps = list(steps)
        self.accepted: list[int] = []

    def allowed(self) -> Sequence[int] | None:
        return self._steps[0] if self._steps else None

    def accept(self, token: int) -> None:
        self.accepted.append(token)
        del self._steps[:1]


def ids(engine: Engine, prompt: Sequence[int], decoding: Decoding) -> list[int]:
    return [token.id for token in engine.generate(prompt, decoding, CancelToken(), Usage())]


def test_a_table_and_a_function_are_both_scripts() -> None:
    assert ids(ScriptedEngine({(1, 2): [3, 4]}), [1, 2], Decoding(9)) == [3, 4]
    assert ids(ScriptedEngine({(1, 2): [3, 4]}), [2], Decoding(9)) == []
    assert ids(ScriptedEngine(lambda prompt: [prompt[-1] + 1]), [1, 7], Decoding(9)) == [8]


def test_the_limit_the_stop_ids_and_the_end_of_the_script_end_a_text() -> None:
    engine, usage = ScriptedEngine(lambda prompt: [3, 4, 5]), Usage()
    assert ids(engine, [1], Decoding(2)) == [3, 4]
    assert ids(engine, [1], Decoding(9, frozenset({5}))) == [3, 4]
    list(engine.generate([1], Decoding(3), CancelToken(), usage))
    assert not usage.ended
    list(engine.generate([1], Decoding(4), CancelToken(), usage))
    assert usage.ended


def test_a_constraint_goes_before_the_script() -> None:
    constraint = Steps([7, 8], [3, 9])
    assert ids(ScriptedEngine(lambda prompt: [3, 4]), [1], Decoding(9, constraint=lambda: constraint)) == [
        7,
        3,
        4,
    ]
    assert constraint.accepted == [7, 3, 4]


def test_usage_counts_as_an_engine_with_a_cache_would() -> None:
    engine, usage = ScriptedEngine(lambda prompt: [4, 5]), Usage()
    list(engine.generate([1, 2, 3], Decoding(9), CancelToken(), usage))
    assert (usage.reused, usage.prefilled, usage.decoded) == (0, 3, 2)
    usage = Usage()
    list(engine.generate([1, 2, 3, 4, 9], Decoding(9), CancelToken(), usage))
    assert (usage.reused, usage.prefilled) == (4, 1)
    assert engine.prompts == [(1, 2, 3), (1, 2, 3, 4, 9)]


def test_cancelling_from_the_hook_stops_before_the_next_token() -> None:
    cancel, seen = CancelToken(), list[int]()
    engine = ScriptedEngine(
        lambda prompt: [4, 5, 6], hook=lambda token: cancel.cancel() if token == 5 else None
    )
    with pytest.raises(Cancelled):
        seen.extend(token.id for token in engine.generate([1], Decoding(9), cancel, Usage()))
    assert ids(engine, [1], Decoding(9)) == [4, 5, 6]


def test_closing_is_noted() -> None:
    engine = ScriptedEngine({})
    engine.close()
    assert engine.closed


def test_texts_grow_side_by_side_until_they_end_or_are_not_wanted() -> None:
    engine = ScriptedEngine(lambda prompt: [4, 5], others=lambda prompt: [[6, 7, 8], [9, 9, 9]])
    ended, usage = set[int](), Usage()
    several = engine.generate_several([1], 3, Decoding(3), CancelToken(), usage, ended)
    texts = grow(several, ended, lambda text: text[-1].id == 9)
    assert ids_of(texts) == [[9], [4, 5], [6, 7, 8]]
    # The last was cut off by the limit.
    assert [id in ended for id in texts] == [True, True, False]
    assert usage.decoded == 6


def test_prefill_is_noted_and_counts_as_cached() -> None:
    engine, usage = ScriptedEngine({}), Usage()
    engine.prefill([1, 2, 3], CancelToken(), Usage())
    list(engine.generate([1, 2, 3], Decoding(1), CancelToken(), usage))
    assert engine.prefills == [(1, 2, 3)]
    assert (usage.reused, usage.prefilled) == (2, 1)
