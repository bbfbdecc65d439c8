"""The sizes of a model of the Llama shape, read from its `config.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_lsp.engine.llama.rotary import Rotary
from slm_lsp.errors import ModelInvalid


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes as in the paper: `heads` query heads share `kv_heads` key and value heads of `head` channels."""

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    context: int
    norm_epsilon: float
    rotary: Rotary

    @property
    def qkv(self) -> int:
        """Rows of the fused product of queries, keys and values."""
        return (self.heads + 2 * self.kv_heads) * self.head

    @classmethod
    def read(cls, folder: Path) -> "Shape":
        """Read `config.json` of a model folder.

        Raises:
            ModelInvalid: the file is missing, is not JSON, or lacks a size.
        """
        try:
            return cls.of(json.loads((folder / "config.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelInvalid(
                f"{folder / 'config.json'} does not describe a model of the Llama shape ({error!r}); "
                "remove the model and pull it again."
            ) from error

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Shape":
        """Read the fields of a `config.json`; raises KeyError, TypeError or ValueError if one won't do."""
        heads = int(config["num_attention_heads"])
        hidden = int(config["hidden_size"])
        return cls(
            layers=int(config["num_hidden_layers"]),
            hidden=hidden,
            inner=int(config["intermediate_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or hidden // heads),
            vocabulary=int(config["vocab_size"]),
            context=int(config["max_position_embeddings"]),
            norm_epsilon=float(config["rms_norm_eps"]),
            rotary=Rotary.of(config),
        )
