"""Models that write what they are told, for the evaluations."""

from collections.abc import Callable, Sequence

from slm_lsp.completion.model import LoadedModel
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer


def writing(text: str | Callable[[str], str], family: str = "smollm") -> LoadedModel:
    """A model that writes a text after every prompt, or what a function gives for the prompt's text."""
    vocabulary = Vocabulary(tokenizer(family))

    def script(prompt: Sequence[int]) -> Sequence[int]:
        return vocabulary.encode(text(vocabulary.decode(prompt)) if callable(text) else text)

    return LoadedModel("scripted", ScriptedEngine(script), vocabulary, detect(vocabulary))
