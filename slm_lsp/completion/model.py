"""A model that is ready to complete: its engine, its vocabulary and its prompt format."""

from collections.abc import Callable
from dataclasses import dataclass

from slm_lsp.engine.interface import Engine
from slm_lsp.prompt.formats import PromptFormat
from slm_lsp.tokens.vocabulary import Vocabulary

Progress = Callable[[float, str], None]
"""Told how far loading is, from 0 to 1, and what is being done."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything that one completion needs of a model."""

    name: str
    engine: Engine
    vocabulary: Vocabulary
    format: PromptFormat

    def close(self) -> None:
        """Let go of the weights."""
        self.engine.close()
