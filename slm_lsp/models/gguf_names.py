"""How llama.cpp and transformers name and lay out the tensors of a Llama or Gemma 3 model."""

import re
from typing import Any

import numpy as np

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.gguf_reader import Gguf
from slm_lsp.models.quantise import Floats

GEMMA3 = "gemma3_text"
"""What transformers calls the architecture of Gemma 3 without a picture tower."""

_OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_QWEN3 = _INNER | {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
_GEMMA3 = _QWEN3 | {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")


class Names:
    """The tensors of one GGUF file, whose configuration is `config` in transformers' terms.

    Of a Llama model GGUF keeps the two rows of a query or key head that rotary embedding turns together side
    by side (2i, 2i + 1); transformers keeps them half a head apart (i, i + head size / 2). See
    ``LlamaModel.permute`` in llama.cpp's ``convert_hf_to_gguf.py``. Of a Gemma 3 model it keeps one more than
    transformers' norms.
    """

    def __init__(self, gguf: Gguf, config: dict[str, Any]) -> None:
        self._gguf = gguf
        self._inner = _INNER
        self._heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
        self._norm_offset = 0.0
        if config["model_type"] == GEMMA3:
            self._inner, self._heads, self._norm_offset = _GEMMA3, {}, 1.0
        elif config["model_type"] in ("qwen2", "qwen3"):
            self._inner, self._heads = _QWEN3, {}

    def theirs(self, name: str) -> str:
        """Return the name that transformers has for GGUF's tensor `name`.

        Raises:
            ModelInvalid: no tensor of such a model is called so.
        """
        if name in _OUTER:
            return _OUTER[name]
        match = _BLOCK.fullmatch(name)
        if match is None or match[2] not in self._inner:
            raise ModelInvalid(
                f"{self._gguf.path} is not of Llama's shape: there is no place for its tensor {name}."
            )
        return f"model.layers.{match[1]}.{self._inner[match[2]]}.{match[3]}"

    def values(self, name: str, values: Floats) -> Floats:
        """Give a tensor of GGUF the values that transformers has, rows in its order."""
        if self._norm_offset and name.endswith("norm.weight"):
            return values - np.float32(self._norm_offset)
        heads = self._rotated(name)
        return _turned(values, heads, -1, 2) if heads else values

    def interleaved(self, name: str, rows: Floats) -> Floats:
        """Give the rows of a Llama model's tensor GGUF's order again."""
        heads = self._rotated(name)
        return _turned(rows, heads, 2, -1) if heads else rows

    def _rotated(self, name: str) -> int:
        match = _BLOCK.fullmatch(name)
        return self._heads.get(match[2], 0) if match else 0


def _turned(rows: Floats, heads: int, first: int, second: int) -> Floats:
    pairs = rows.reshape(heads, first, second, *rows.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows.shape)
