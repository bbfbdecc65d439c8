"""Which of several models answers a request."""

from dataclasses import replace

import pytest

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.model import LoadedModel, Reserve
from slm_lsp.completion.request import CompletionRequest, CompletionResult, Trigger
from slm_lsp.completion.router import Router
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import EndpointError
from slm_lsp.prompt.formats import detect
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

LINE, BLOCK = ("small = large = 0\n", "other = "), ("def total(small, large):\n", "    ")


class Bench:
    """A small model and a larger one that write their names, and what they were asked."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary(tokenizer("smollm"))
        self.failing = False
        self.small, self.large = self._model("small", 0.0), self._model("large", 0.0)
        self.router = Router()

    def _model(self, name: str, logprob: float) -> LoadedModel:
        def script(prompt: object) -> list[int]:
            if name == "large" and self.failing:
                raise EndpointError("https://llm.example.com broke off")
            return self.vocabulary.encode(name)

        engine = ScriptedEngine(script, logprob=logprob, entropy=0.0)
        return LoadedModel(name, engine, self.vocabulary, detect(self.vocabulary))

    def unsure(self) -> None:
        self.small = self._model("small", -4.0)

    def ask(
        self, model: LoadedModel, lines: tuple[str, ...] = LINE, trigger: Trigger = Trigger.AUTOMATIC
    ) -> CompletionResult:
        request = CompletionRequest(Snapshot("file:///a.py", "python", 1, lines), 1, len(lines[1]), trigger)
        return self.router(model, request, Settings(eagerness=100, alternatives=1), CancelToken())

    def pair(self) -> LoadedModel:
        return replace(self.small, large=self.large)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_one_model_answers_everything(bench: Bench) -> None:
    result = bench.ask(bench.small)
    assert result.model == "small"
    assert "router" not in {stage.name for stage in result.stages}


def test_what_comes_by_itself_is_the_small_models(bench: Bench) -> None:
    assert bench.ask(bench.pair()).model == "small"


@pytest.mark.parametrize(
    ("lines", "trigger", "why"),
    [(LINE, Trigger.INVOKED, "asked for"), (BLOCK, Trigger.AUTOMATIC, "a block")],
)
def test_the_larger_one_has_what_is_worth_its_time(
    bench: Bench, lines: tuple[str, ...], trigger: Trigger, why: str
) -> None:
    result = bench.ask(bench.pair(), lines, trigger)
    assert result.model == "large"
    assert why in result.stages[0].detail


def test_the_larger_one_is_asked_where_the_small_one_is_unsure(bench: Bench) -> None:
    bench.unsure()
    result = bench.ask(bench.pair())
    assert result.model == "large"
    assert "small is unsure" in result.stages[0].detail


def test_it_is_not_asked_when_the_time_is_up(bench: Bench) -> None:
    bench.unsure()
    model = bench.pair()
    bench.router._usual = 60.0
    result = bench.ask(model)
    assert result.model == "small"
    assert "no time is left" in result.stages[0].detail


def test_a_failing_model_is_replaced_and_that_is_said_once(bench: Bench) -> None:
    model = replace(bench.large, reserve=Reserve(lambda: bench.small))
    assert (bench.ask(model).model, bench.ask(model).notice) == ("large", "")
    bench.failing = True
    first, second = bench.ask(model), bench.ask(model)
    assert (first.model, second.model) == ("small", "small")
    assert first.notice.startswith("large failed: https://llm.example.com broke off")
    assert second.notice == ""
    assert "large failed" in second.stages[0].detail
    bench.failing = False
    assert bench.ask(model).notice == "large works again."


def test_the_small_model_answers_for_a_larger_one_that_fails(bench: Bench) -> None:
    bench.failing = True
    assert bench.ask(bench.pair(), trigger=Trigger.INVOKED).model == "small"
