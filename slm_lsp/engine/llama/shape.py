"""The sizes of a model of the Llama shape, read from its `config.json`."""

import json
from dataclasses import dataclass
from pathlib import Path

from slm_lsp.errors import ModelInvalid


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes as in the paper: `heads` query heads share `kv_heads` key and value heads of `head` channels."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    context: int
    norm_epsilon: float
    rope_theta: float

    @classmethod
    def read(cls, folder: Path) -> "Shape":
        """Read `config.json` of a model folder.

        Raises:
            ModelInvalid: the file is missing, is not JSON, or lacks a size.
        """
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            heads = int(config["num_attention_heads"])
            hidden = int(config["hidden_size"])
            rope = config.get("rope_parameters") or {}
            return cls(
                layers=int(config["num_hidden_layers"]),
                hidden=hidden,
                heads=heads,
                kv_heads=int(config.get("num_key_value_heads") or heads),
                head=int(config.get("head_dim") or hidden // heads),
                vocabulary=int(config["vocab_size"]),
                context=int(config["max_position_embeddings"]),
                norm_epsilon=float(config["rms_norm_eps"]),
                rope_theta=float(rope.get("rope_theta") or config["rope_theta"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelInvalid(
                f"{folder / 'config.json'} does not describe a model of the Llama shape ({error!r}); "
                "remove the model and pull it again."
            ) from error
