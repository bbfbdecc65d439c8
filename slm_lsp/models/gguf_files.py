"""A user's own GGUF files of Llama's shape: converted for the lean engine, the tokenizer with the weights."""

import json
from pathlib import Path

from slm_lsp.errors import ModelInvalid
from slm_lsp.models import folders, quantise
from slm_lsp.models.convert import configuration, reported, save
from slm_lsp.models.gguf_names import Names
from slm_lsp.models.gguf_reader import Gguf
from slm_lsp.models.layout import Lean, Progress, lean_file, lean_metadata


def is_lean(gguf: Gguf) -> bool:
    """Whether the lean engine can run a file's model; what it can't, transformers can."""
    metadata = gguf.metadata
    try:
        config = configuration(gguf)
        names = Names(gguf, config)
        return (
            folders.fits(config)
            and all(quantise.has_place(names.theirs(name)) for name in gguf.tensors)
            and metadata.get(f"{config['model_type']}.rope.scaling.type", "none") == "none"
            and metadata.get(f"{config['model_type']}.rope.dimension_count", config["head_dim"])
            == config["head_dim"]
            and gguf.tensors["token_embd.weight"].shape[0] == config["vocab_size"]
        )
    except (KeyError, ModelInvalid):
        return False


def write_lean(gguf: Gguf, target: Path, form: Lean, progress: Progress) -> None:
    """Write a file's configuration, tokenizer and weights (see `slm_lsp.models.quantise`) to `target`.

    Raises:
        ModelInvalid: the weights or the tokenizer can't be read.
        OSError: they can't be read or written.
    """
    from slm_lsp.tokens.load import unpack_gguf

    unpack_gguf(gguf.path, target)
    (target / "config.json").write_text(json.dumps(configuration(gguf)), encoding="utf-8")
    tensors = quantise.fuse(reported(gguf, progress, 0.9), form)
    progress(0.9, "writing the model")
    save(tensors, target / lean_file(form), lean_metadata(form))
    progress(1.0, "converted")
