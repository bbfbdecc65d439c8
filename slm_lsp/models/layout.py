"""Names and versions of what the converter writes, and how it tells how far it is."""

from collections.abc import Callable

INT8_FILE = "model.int8.safetensors"
"""Weights for the lean engine, laid out as `slm_lsp.models.quantise` says."""

INT8_FORMAT = "slm-lsp-int8"
"""``format`` in the metadata of `INT8_FILE`."""

INT8_VERSION = "2"
"""``version`` in the metadata of `INT8_FILE`: changes with its layout."""

DENSE_FILE = "model.safetensors"
"""Weights for transformers, under the names that it gives them."""

CONVERTER_VERSIONS = {"int8": 3, "dense": 2}
"""Change with anything that the converter writes; what an older one wrote is then made again."""

Progress = Callable[[float, str], None]
"""Told how far the work is, from 0 to 1, and what is being done."""
