"""Loading a vocabulary from what lies in a model folder or a GGUF file."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE

from slm_lsp.errors import ModelInvalid
from slm_lsp.tokens.vocabulary import Vocabulary

OTHER_FILES = ("vocab.json", "vocab.txt", "spiece.model", "tekken.json")
"""Files that transformers can make a fast tokenizer of where there is no other."""

DIGIT_BY_DIGIT = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"})
"""GGUF's names of pre-tokenizers that are GPT-2's with digits kept apart; transformers leaves them out."""

WHOLE_WORDS = frozenset({"llama3", "llama-v3", "llama-bpe", "tekken"})
"""GGUF's names of the tokenizers that look a word up before they merge it, and put a token before every text
unless the file says otherwise.

Source of both: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp (``llama_vocab``).
"""


def from_folder(folder: Path) -> Vocabulary:
    """Load the tokenizer of a model folder in Hugging Face layout; see `Vocabulary.load`."""
    try:
        tokenizer, start = _tokenizer(folder)
    except ModelInvalid:
        raise
    except Exception as error:  # tokenizers raises bare Exception, transformers all sorts
        raise ModelInvalid(f"the tokenizer in {folder} can't be read ({error}); fetch it again.") from error
    config = _read(folder / "tokenizer_config.json")
    ends = {_content(one.get("eos_token")) for one in (config, _read(folder / "special_tokens_map.json"))}
    for name in ("generation_config.json", "config.json"):
        ids = _read(folder / name).get("eos_token_id")
        ids = ids if isinstance(ids, list) else [ids]
        ends |= {tokenizer.id_to_token(id) for id in ids if isinstance(id, int)}
    bos = _bos(config)
    return Vocabulary(tokenizer, {end for end in ends if end}, start if bos is None else bos)


def from_gguf(path: Path) -> Vocabulary:
    """Load the tokenizer within a GGUF file; see `Vocabulary.from_gguf`."""
    tokenizer, bos, eos, _ = _of_gguf(path)
    return Vocabulary(tokenizer, [eos] if eos else [], bos)


def unpack_gguf(path: Path, folder: Path) -> None:
    """Write the tokenizer within a GGUF file to a folder, from which `from_folder` makes the same vocabulary.

    The chat template goes along, if there is one.

    Raises:
        ModelInvalid: the file holds no tokenizer that can be read.
        OSError: it can't be written.
    """
    tokenizer, bos, eos, template = _of_gguf(path)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "add_bos_token": bool(bos),
        "bos_token": bos or None,
        "eos_token": eos,
        "chat_template": template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def _of_gguf(path: Path) -> tuple[Tokenizer, str, str | None, str | None]:
    try:
        return _by_transformers_gguf(path)
    except Exception as error:  # transformers raises all sorts
        raise ModelInvalid(
            f"the tokenizer in {path} can't be read ({error}); use the model's folder in Hugging Face layout."
        ) from error


def _tokenizer(folder: Path) -> tuple[Tokenizer, str | None]:
    """Return the tokenizer, and what goes before every text if that is not the tokenizer's own to say."""
    path, pieces = folder / "tokenizer.json", folder / "tokenizer.model"
    if path.is_file():
        return Tokenizer.from_file(str(path)), None
    if pieces.is_file():
        from slm_lsp.tokens.pieces import read

        made, start = read(pieces)
        return Tokenizer.from_str(json.dumps(made)), start
    if any((folder / name).is_file() for name in OTHER_FILES):
        return _by_transformers(folder), None
    raise ModelInvalid(f"{folder} holds no tokenizer; put the model's tokenizer.json beside its weights.")


def _by_transformers(folder: Path) -> Tokenizer:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    return _backend(loaded)


def _by_transformers_gguf(path: Path) -> tuple[Tokenizer, str, str | None, str | None]:
    """Return the tokenizer, the token put before every text ("" for none), the one that ends it, and the chat
    template.
    """  # fmt: skip
    from gguf import GGUFReader
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(
        str(path.parent), gguf_file=path.name, local_files_only=True, trust_remote_code=False
    )
    tokenizer = _backend(loaded)
    reader = GGUFReader(path)
    field = reader.get_field("tokenizer.ggml.pre")
    pre = field.contents() if field else None
    adds_bos = loaded.add_bos_token
    if pre in DIGIT_BY_DIGIT:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    elif pre in WHOLE_WORDS and isinstance(tokenizer.model, BPE):
        tokenizer.model.ignore_merges = True
        adds_bos = adds_bos or reader.get_field("tokenizer.ggml.add_bos_token") is None
    template = reader.get_field("tokenizer.chat_template")
    return (
        tokenizer,
        (adds_bos and loaded.bos_token) or "",
        loaded.eos_token,
        template.contents() if template else None,
    )


def _backend(loaded: Any) -> Tokenizer:
    backend = getattr(loaded, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ModelInvalid(
            f"{type(loaded).__name__} has no fast form; give a model that has a tokenizer.json."
        )
    return backend


def _bos(config: dict[str, Any]) -> str | None:
    """What tokenizer_config.json says of a token before every text; None if it says nothing."""
    add = config.get("add_bos_token")
    if add is None:
        return None
    return (_content(config.get("bos_token")) or None) if add else ""


def _content(token: Any) -> str | None:
    """Return the text of a token, which configurations write as a string or as an object with `content`."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelInvalid(f"{path} is not JSON ({error}); fetch the model again.") from error
    return value if isinstance(value, dict) else {}
