"""A model that is ready to complete: its engine, its vocabulary and its prompt format."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Optional

from slm_lsp.engine.interface import DraftSource, Engine
from slm_lsp.engine.remote.breaker import Breaker
from slm_lsp.prompt.formats import PromptFormat
from slm_lsp.tokens.vocabulary import Vocabulary

Progress = Callable[[float, str], None]
"""Told how far loading is, from 0 to 1, and what is being done."""


class Reserve:
    """A model that takes another one's place when that fails; loaded when it is first needed."""

    def __init__(self, load: Callable[[], "LoadedModel"]) -> None:
        self._load = load
        self._model: LoadedModel | None = None

    def get(self) -> "LoadedModel":
        """Return the model.

        Raises:
            ModelError: it can't be loaded.
        """
        if self._model is None:
            self._model = self._load()
        return self._model

    def close(self) -> None:
        """Let go of the model, if it was loaded."""
        if self._model:
            self._model.close()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything that one completion needs of a model, and which other models there are.

    A model on a server has a `breaker`. `large` is a better one for what is worth its time; `reserve` answers
    where this one fails. `drafts` guesses what this model will write.
    """

    name: str
    engine: Engine
    vocabulary: Vocabulary
    format: PromptFormat
    breaker: Breaker | None = None
    drafts: DraftSource | None = None
    large: Optional["LoadedModel"] = field(default=None, repr=False)
    reserve: Reserve | None = field(default=None, repr=False)

    @property
    def remote(self) -> Optional["LoadedModel"]:
        """The model on a server, if this is one or has one beside it."""
        if self.breaker:
            return self
        return self.large.remote if self.large else None

    def close(self) -> None:
        """Let go of the weights and connections, of the other models' too."""
        self.engine.close()
        for other in (self.large, self.reserve):
            if other:
                other.close()
