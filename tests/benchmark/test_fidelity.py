"""How near an engine comes to the float32 weights."""

import pytest

from slm_lsp.benchmark.fidelity import compare
from slm_lsp.engine.scripted import ScriptedEngine


def test_first_choices_are_compared_after_every_token() -> None:
    advanced = list[int]()
    engine = ScriptedEngine(lambda ids: [ids[-1] + 1], logprob=-0.5)

    def reference(prompt: object) -> list[tuple[int, float]]:
        return [(2, -0.5), (3, -0.6), (9, -0.5), (5, -0.5)]

    found = compare(engine, reference, [[1, 2, 3, 4]], lambda: advanced.append(1))
    assert engine.prompts == [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]
    assert (found.places, found.same) == (4, 0.75)
    assert found.median == 0
    assert found.p99 == pytest.approx(0.1, abs=0.01)
    assert len(advanced) == 1
