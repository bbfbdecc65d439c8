"""From a model's name to a model that is ready: files, vocabulary, prompt format and engine."""

from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.config import Settings


def load(settings: Settings, progress: Progress) -> LoadedModel:
    """Load the model that the settings name; blocks for as long as it takes.

    Raises:
        ModelError: it is not on disk, or can't be loaded; the message says what to do.
    """
    # Imported here because they take time that `initialize` must not wait for.
    from slm_lsp.engine.load import load_engine, takes_converted
    from slm_lsp.models.store import locate
    from slm_lsp.prompt.formats import detect
    from slm_lsp.tokens.vocabulary import Vocabulary

    dense = not takes_converted(settings.device, settings.precision)
    files = locate(settings.model, progress, dense=dense, adapter=settings.adapter)
    vocabulary = Vocabulary.load(files.folder) if files.gguf is None else Vocabulary.from_gguf(files.gguf)
    engine = load_engine(
        files.folder,
        files.gguf,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
        cache_memory=settings.cache_memory,
        progress=progress,
    )
    name = f"{files.name} + {settings.adapter}" if settings.adapter else files.name
    return LoadedModel(name, engine, vocabulary, detect(vocabulary))
