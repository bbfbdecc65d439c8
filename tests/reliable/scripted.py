"""A model without weights behind the real pipeline: it writes the same line wherever it is asked."""

import threading
from collections.abc import Callable

from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import Loading
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.lsp.fakes import FakeBackend
from tests.tokenizers import tokenizer

LINE = "price * count"
"""What is suggested after an equals sign."""


class ScriptedBackend(FakeBackend):
    """Loads such a model; `before` is called on the engine's thread before each token."""

    def __init__(self) -> None:
        super().__init__()
        self.vocabulary = Vocabulary(tokenizer("smollm"))
        self.engines: list[ScriptedEngine] = []
        self.before: Callable[[], None] = lambda: None
        self.gate = threading.Event()

    def service(self, on_loading: Callable[[Loading], None]) -> CompletionService:
        """Make the service, with the real pipeline."""
        self.services.append(CompletionService(self.load, on_loading))
        return self.services[-1]

    def load(self, settings: Settings, progress: Progress) -> LoadedModel:
        """Load at once, or fail with `failure`."""
        self.loads.append(settings)
        if self.failure:
            raise self.failure
        written = self.vocabulary.encode(f"{LINE}\n")
        self.engines.append(ScriptedEngine(lambda prompt: written, hook=lambda token: self.before()))
        return LoadedModel(settings.model, self.engines[-1], self.vocabulary, detect(self.vocabulary))

    def hang(self) -> None:
        """Stand still as a kernel or a driver would, until the test ends."""
        self.gate.wait()
