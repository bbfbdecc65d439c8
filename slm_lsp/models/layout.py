"""Names and versions of what the converter writes, and how it tells how far it is."""

from collections.abc import Callable
from typing import Literal

Lean = Literal["int8", "int4", "float32", "bfloat16", "float16"]
"""Number formats of the weights that the lean engine reads."""

Form = Literal[Lean, "dense"]
"""What a model's files can be made into: weights for the lean engine, or for transformers ("dense")."""

Kind = Literal[Form, "tokenizer"]
"""What is made of a model in the cache folder: one of these forms, or its tokenizer alone."""

LEAN_VERSION = "2"
"""``version`` in the metadata of a `lean_file`: changes with its layout."""

DENSE_FILE = "model.safetensors"
"""Weights for transformers, under the names that it gives them."""

CONVERTER_VERSIONS: dict[Kind, int] = {
    "int8": 3,
    "int4": 1,
    "float32": 3,
    "bfloat16": 3,
    "float16": 3,
    "dense": 2,
    "tokenizer": 1,
}
"""Change with anything that the converter writes; what an older one wrote is then made again."""

Progress = Callable[[float, str], None]
"""Told how far the work is, from 0 to 1, and what is being done."""


def form_of(name: str, form: Lean) -> Lean:
    """Return the number format of a matrix: beside int4 in the layers the embedding and the head are int8."""
    return "int8" if form == "int4" and not name.startswith("layers.") else form


def lean_file(form: Lean) -> str:
    """Return the name of a file of weights for the lean engine (see `slm_lsp.models.quantise`)."""
    return f"model.{form}.safetensors"


def lean_metadata(form: Lean) -> dict[str, str]:
    """Return what tells such a file from others."""
    return {"format": f"slm-lsp-{form}", "version": LEAN_VERSION}
