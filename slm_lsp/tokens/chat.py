"""A model's own chat template, as ids around a message: the user's text is never taken for special tokens."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from slm_lsp.errors import ModelInvalid
from slm_lsp.tokens.vocabulary import Vocabulary

_PLACE = "SLMLSPMESSAGE"
"""Stands for the message while the template is filled in; letters alone, which no template alters."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The ids before and after a message of the user's; the model's answer follows."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def load(folder: Path, vocabulary: Vocabulary) -> Chat | None:
    """Fill in the chat template of a model folder in Hugging Face layout; None where there is none.

    Raises:
        ModelInvalid: the template can't be filled in.
    """
    config = _json(folder / "tokenizer_config.json")
    template, alone = config.get("chat_template"), folder / "chat_template.jinja"
    if alone.is_file():
        template = alone.read_text(encoding="utf-8")
    elif not template:
        template = _json(folder / "chat_template.json").get("chat_template")
    if isinstance(template, list):
        template = next((one["template"] for one in template if one.get("name") == "default"), None)
    if not isinstance(template, str):
        return None
    try:
        filled = _fill(template, config)
        before, after = filled.split(_PLACE)
    except Exception as error:  # of the template's own making
        raise ModelInvalid(
            f"The chat template in {folder} can't be filled in ({error}); set `chat` to off."
        ) from error
    return Chat(tuple(_encode(before, vocabulary)), tuple(_encode(after, vocabulary)))


def _fill(template: str, config: dict[str, Any]) -> str:
    """Return the template with one message, as ``apply_chat_template`` of transformers fills it in."""
    from jinja2.exceptions import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: f"{datetime.now():{form}}"
    special = {
        f"{part}_token": _content(config.get(f"{part}_token")) for part in ("bos", "eos", "unk", "pad")
    }
    messages = [{"role": "user", "content": _PLACE}]
    return environment.from_string(template).render(messages=messages, add_generation_prompt=True, **special)


def _encode(text: str, vocabulary: Vocabulary) -> list[int]:
    """Return the ids of a template's own text, in which special tokens are meant."""
    special = sorted(vocabulary.special, key=len, reverse=True)
    if not special:
        return vocabulary.encode(text)
    ids = list[int]()
    for piece in re.split(f"({'|'.join(map(re.escape, special))})", text):
        ids += [vocabulary.special[piece]] if piece in vocabulary.special else vocabulary.encode(piece)
    return ids


def _content(token: Any) -> str:
    found = token.get("content") if isinstance(token, dict) else token
    return found if isinstance(found, str) else ""


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelInvalid(f"{path} is not JSON ({error}); fetch the model again.") from error
    return value if isinstance(value, dict) else {}
