from collections.abc import Sequence

from slm_lsp.engine.drafting import TRIAL, ModelDrafts
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import ModelError


def count_on(prompt: Sequence[int]) -> list[int]:
    return list(range(prompt[-1] + 1, prompt[-1] + 100))


def test_the_small_model_writes_on() -> None:
    drafts = ModelDrafts(ScriptedEngine(count_on))
    assert drafts.propose([1, 2, 3], 2) == [4, 5]


def test_what_has_stood_before_is_looked_up_for_nothing() -> None:
    small = ScriptedEngine(count_on)
    assert list(ModelDrafts(small).propose([5, 6, 7, 8, 5, 6], 2)) == [7, 8]
    assert small.prompts == []


def test_drafts_that_are_never_right_are_given_up_and_tried_now_and_then() -> None:
    small = ScriptedEngine(count_on)
    drafts = ModelDrafts(small)
    tokens = [1000]
    asked = []
    for step in range(6 * TRIAL):
        drafts.propose(tokens, 8)
        asked.append(len(small.prompts))
        tokens.append(2000 + 7 * step)  # never what the small model wrote
    assert asked[-1] - asked[3 * TRIAL] <= 4


def test_a_prompt_that_is_too_long_for_the_small_model_has_no_drafts() -> None:
    def refuse(prompt: Sequence[int]) -> list[int]:
        raise ModelError("the prompt is longer than the model's context")

    assert ModelDrafts(ScriptedEngine(refuse)).propose([1, 2, 3], 4) == []
