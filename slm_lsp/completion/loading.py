"""From the settings to a model that is ready: files, vocabulary, format, engine, and others beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from slm_lsp.completion.model import LoadedModel, Progress, Reserve
from slm_lsp.config import Settings
from slm_lsp.errors import ModelInvalid

if TYPE_CHECKING:
    from slm_lsp.engine.interface import Engine
    from slm_lsp.models.converted import ModelFiles
    from slm_lsp.tokens.chat import Chat
    from slm_lsp.tokens.vocabulary import Vocabulary

ENDPOINT = "endpoint"
"""The value of `largeModel` that makes the endpoint the larger model."""

Loader = Callable[[Settings, Progress], LoadedModel]
"""Loads the one model that `settings.model` names."""

# The imports within functions take time that `initialize` must not wait for.


def load(settings: Settings, progress: Progress) -> LoadedModel:
    """Load the models that the settings name into this process; blocks for as long as it takes.

    With an endpoint for everything, a model on this machine is loaded once it is needed.

    Raises:
        ModelError: one is not on disk, or can't be loaded; the message says what to do.
    """
    return composed(settings, progress, local)


def composed(settings: Settings, progress: Progress, here: Loader) -> LoadedModel:
    """Load the models that the settings name, those on this machine by `here`; as `load`."""
    if settings.endpoint and settings.large_model != ENDPOINT:
        return replace(
            remote(settings), reserve=Reserve(lambda: _beside(settings, lambda _done, _what: None, here))
        )
    return _beside(settings, progress, here)


def local(settings: Settings, progress: Progress) -> LoadedModel:
    """Load the model that `settings.model` names onto this machine.

    Raises:
        ModelError: it is not on disk, or can't be loaded.
    """
    from slm_lsp.prompt.formats import detect

    files, vocabulary, engine = parts(settings, progress)
    name = f"{files.name} + {settings.adapter}" if settings.adapter else files.name
    format = detect(vocabulary, chat_of(settings, files.folder, vocabulary))
    return LoadedModel(name, engine, vocabulary, format)


def files_of(settings: Settings, progress: Progress) -> "ModelFiles":
    """Return the files of the model that `settings.model` names, in the form in which it will be loaded.

    Raises:
        ModelError: it is not on disk, or can't be converted.
    """
    from slm_lsp.engine.load import takes_gguf, wanted_form
    from slm_lsp.models.store import locate

    return locate(
        settings.model,
        progress,
        form=wanted_form(settings.device, settings.precision),
        adapter=settings.adapter,
        as_it_is=takes_gguf(settings.device, settings.precision),
    )


def parts(settings: Settings, progress: Progress) -> "tuple[ModelFiles, Vocabulary, Engine]":
    """Load what `settings.model` is made of; as `local`."""
    from slm_lsp.engine.load import load_engine
    from slm_lsp.tokens.vocabulary import Vocabulary

    files = files_of(settings, progress)
    engine = load_engine(
        files.folder,
        files.gguf,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
        cache_memory=settings.cache_memory,
        progress=progress,
    )
    return files, Vocabulary.load(files.folder), engine


def remote(settings: Settings) -> LoadedModel:
    """Make ready the model on the endpoint; nothing is sent there yet.

    Without a tokenizer of its own the server builds the prompts, and those of `settings.model` count tokens.

    Raises:
        ModelError: the address or the tokenizer can't be used.
    """
    from slm_lsp.engine.remote.breaker import Breaker
    from slm_lsp.engine.remote.connection import Connection
    from slm_lsp.engine.remote.endpoint import Endpoint, key_of
    from slm_lsp.engine.remote.engine import RemoteEngine
    from slm_lsp.prompt.formats import detect, served

    endpoint = Endpoint.of(
        settings.endpoint,
        settings.endpoint_kind,
        settings.endpoint_model,
        settings.endpoint_authority,
        settings.endpoint_timeout,
    )
    vocabulary = _vocabulary(settings.endpoint_tokenizer or settings.model)
    format = detect(vocabulary) if settings.endpoint_tokenizer else served(vocabulary)
    markers = None
    if not settings.endpoint_tokenizer:
        assert format.prefix_id is not None
        assert format.suffix_id is not None
        markers = (format.prefix_id, format.suffix_id)
    breaker = Breaker()
    connection = Connection(endpoint, key_of(endpoint))
    engine = RemoteEngine(connection, vocabulary, vocabulary.bos_id, markers, breaker)
    return LoadedModel(
        f"{settings.endpoint_model} at {endpoint.url}".lstrip(), engine, vocabulary, format, breaker
    )


def _beside(settings: Settings, progress: Progress, here: Loader) -> LoadedModel:
    """Load what runs on this machine, and the endpoint if it is to be the larger model."""
    if settings.memory:
        make_ready(progress)
    small = here(settings, progress)
    if not settings.large_model:
        return small
    if settings.large_model == ENDPOINT:
        return replace(small, large=remote(settings))
    large = here(replace(settings, model=settings.large_model, adapter=""), progress)
    if large.vocabulary.same_as(small.vocabulary):
        from slm_lsp.engine.drafting import ModelDrafts

        large = replace(large, drafts=ModelDrafts(small.engine))
    return replace(small, large=large)


def make_ready(progress: Progress) -> None:
    """Load the machine code that memory is looked up and mixed with, or compile it, once for a processor."""
    from slm_lsp.engine import mixing
    from slm_lsp.memory import lookup

    progress(0.0, "making the memory ready")
    mixing.function()
    lookup.function()


def _vocabulary(name: str) -> "Vocabulary":
    """Return the vocabulary of a folder, a GGUF file or a known model."""
    from slm_lsp.models.store import locate
    from slm_lsp.tokens.vocabulary import Vocabulary

    path = Path(name).expanduser()
    if path.is_dir():
        return Vocabulary.load(path)
    if path.is_file():
        return Vocabulary.from_gguf(path)
    return Vocabulary.load(locate(name).folder)


def chat_of(settings: Settings, folder: Path, vocabulary: "Vocabulary") -> "Chat | None":
    """Return how a model is asked in words, if it is to be."""
    from slm_lsp.models.known import KNOWN
    from slm_lsp.tokens import chat

    row = KNOWN.get(settings.model)
    if settings.chat == "off" or (settings.chat == "auto" and not (row and row.format == "chat")):
        return None
    found = chat.load(folder, vocabulary)
    if found is None and settings.chat == "on":
        raise ModelInvalid(f"{settings.model} has no chat template; set `chat` to auto or off.")
    return found
