"""What the engine is told of the names at a place, with the end of the text being written again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.context import Contexts
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.naming import KnownNames
from slm_lsp.completion.pipeline import Switches, run
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.config import Settings
from slm_lsp.context.workspace import Workspace
from slm_lsp.engine.interface import Decoding, Names
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.healing import split as heal
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

CLASS = """class Till:
    def __init__(self, owner, session):
        self.owner = owner
        self.session = session

    def close(self):
        """


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(tokenizer("qwen"))


@pytest.fixture
def contexts() -> Iterator[Contexts]:
    made = Contexts(Workspace())
    yield made
    made.shut_down()


def document(text: str) -> Snapshot:
    return Snapshot("file:///till.py", "python", 1, tuple(split(text)), Path("/till.py"))


def known(contexts: Contexts, vocabulary: Vocabulary, line: str) -> tuple[KnownNames, str]:
    text, tail = CLASS + line, heal(CLASS + line, vocabulary).tail
    return contexts.names(vocabulary, document(text), text.count("\n"), text, tail), tail


def raised(names: KnownNames, vocabulary: Vocabulary, written: str) -> set[str] | None:
    """Return the texts of the tokens that are raised after a text was written."""
    found = names.raised(vocabulary.encode(written))
    return found and {vocabulary.decode([id]) for id in found.ids.nonzero()[0].tolist()}


def test_members_are_raised_behind_the_dot_wherever_it_is_written(
    contexts: Contexts, vocabulary: Vocabulary
) -> None:
    names, tail = known(contexts, vocabulary, "return ")
    assert raised(names, vocabulary, tail) is None
    at_dot = raised(names, vocabulary, f"{tail}self.")
    assert at_dot
    assert {"s", "o", "c"} <= at_dot
    assert not {"x", "(", " "} & at_dot
    names, tail = known(contexts, vocabulary, "return self.")
    assert raised(names, vocabulary, tail) == at_dot


def test_a_half_typed_name_goes_on_as_one_that_is_known(contexts: Contexts, vocabulary: Vocabulary) -> None:
    names, tail = known(contexts, vocabulary, "return self.se")
    assert "se" in tail
    before = raised(names, vocabulary, "")
    assert before
    assert tail[:1] in before
    after = raised(names, vocabulary, tail)
    assert after
    assert "s" in after
    assert not {"o", "c", "l"} & after
    names, tail = known(contexts, vocabulary, "return self.xy")
    assert raised(names, vocabulary, "") is None


def test_a_whole_name_ends_before_anything_but_a_letter(contexts: Contexts, vocabulary: Vocabulary) -> None:
    names, tail = known(contexts, vocabulary, "")
    ends = raised(names, vocabulary, f"{tail}return self.session")
    assert ends
    assert {"(", ".", "\n", " "} <= ends
    assert not {"s", "_", "1"} & ends


def test_the_answer_depends_on_nothing_but_what_was_written(
    contexts: Contexts, vocabulary: Vocabulary
) -> None:
    names, tail = known(contexts, vocabulary, "")
    asked = [f"{tail}{text}" for text in ("self.", "till = Till(1, 2)\n        till.", "self.own", "self.")]
    first = [raised(names, vocabulary, text) for text in asked]
    again = [raised(names, vocabulary, text) for text in reversed(asked)]
    assert first == again[::-1]
    assert first[0] == first[3] == first[1] != first[2]


class Told(ScriptedEngine):
    """An engine that keeps the names that it is told of."""

    names: Names | None = None

    def generate(self, prompt, decoding: Decoding, cancel, usage):  # type: ignore[no-untyped-def]
        Told.names = decoding.names
        return super().generate(prompt, decoding, cancel, usage)


def test_the_setting_and_the_switch_turn_names_off(contexts: Contexts, vocabulary: Vocabulary) -> None:
    model = LoadedModel("scripted", Told(lambda prompt: []), vocabulary, detect(vocabulary))
    request = CompletionRequest(document(f"{CLASS}x = "), 6, 12, contexts=contexts)
    on = replace(Settings(), names=True)
    for settings, switches, told in (
        (on, Switches(), True),
        (replace(on, names=False), Switches(), False),
        (on, Switches(names=False), False),
    ):
        run(model, request, settings, CancelToken(), switches)
        assert (Told.names is not None) is told
