"""Tiny models with random weights, of the shapes that people run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Heads are as wide as a vector of the lean engine. Weights this large give every position a clear favourite,
# so that greedy tokens don't hang on rounding.
_SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": 0.3,
}

_WINDOW = 16
"""Tokens of a sliding window: shorter than the tests' prompts."""


def _llama(sizes: dict[str, Any]) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(**sizes, tie_word_embeddings=True)


def _qwen2(sizes: dict[str, Any]) -> Any:
    from transformers import Qwen2Config

    return Qwen2Config(**sizes)


def _qwen3(sizes: dict[str, Any]) -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(**sizes, head_dim=16)


def _starcoder2(sizes: dict[str, Any]) -> Any:
    from transformers import Starcoder2Config

    return Starcoder2Config(**sizes, sliding_window=_WINDOW)


def _mistral(sizes: dict[str, Any]) -> Any:
    from transformers import MistralConfig

    return MistralConfig(**sizes, sliding_window=None)


def _mixtral(sizes: dict[str, Any]) -> Any:
    from transformers import MixtralConfig

    return MixtralConfig(**sizes, num_local_experts=4, sliding_window=None)


def _phi3(sizes: dict[str, Any]) -> Any:
    from transformers import Phi3Config

    return Phi3Config(**sizes, original_max_position_embeddings=1024, pad_token_id=0, sliding_window=_WINDOW)


def _gemma(sizes: dict[str, Any]) -> Any:
    from transformers import GemmaConfig

    return GemmaConfig(**sizes, head_dim=16)


def _gemma2(sizes: dict[str, Any]) -> Any:
    from transformers import Gemma2Config

    return Gemma2Config(**sizes, head_dim=16, sliding_window=_WINDOW, tie_word_embeddings=False)


def _gemma3(sizes: dict[str, Any]) -> Any:
    from transformers import Gemma3TextConfig

    return Gemma3TextConfig(
        **sizes,
        head_dim=16,
        tie_word_embeddings=False,
        sliding_window=_WINDOW,
        layer_types=["sliding_attention", "full_attention"],
    )


def _bigcode(sizes: dict[str, Any]) -> Any:
    from transformers import GPTBigCodeConfig

    return GPTBigCodeConfig(
        vocab_size=sizes["vocab_size"],
        n_positions=1024,
        n_embd=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.3,
    )


def _mamba(sizes: dict[str, Any]) -> Any:
    from transformers import MambaConfig

    return MambaConfig(
        vocab_size=sizes["vocab_size"],
        hidden_size=32,
        num_hidden_layers=2,
        state_size=4,
        initializer_range=0.3,
        tie_word_embeddings=False,
    )


FAMILIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "llama": _llama,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "starcoder2": _starcoder2,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "phi3": _phi3,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "bigcode": _bigcode,
    "mamba": _mamba,
}
"""Makes a family's configuration from the common sizes; Mamba stands for the models without attention."""


def model(family: str, vocabulary: int = 256) -> "PreTrainedModel":
    """Make a model of `family` with random weights, the same ones every time."""
    import torch
    from transformers import AutoModelForCausalLM

    config = FAMILIES[family](_SIZES | {"vocab_size": vocabulary})
    # No token may end a text by chance.
    config.eos_token_id = None
    with torch.random.fork_rng():
        torch.manual_seed(7)
        made: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    made.eval()
    return made  # type: ignore[no-any-return]


def save(folder: Path, family: str, vocabulary: int = 256) -> Path:
    """Save a model of `family` as safetensors and return `folder`."""
    model(family, vocabulary).save_pretrained(folder)
    return folder
