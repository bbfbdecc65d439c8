"""What each kind of server takes and how it answers: one row of data per kind, one way to read them all.

Read in the servers' own sources and documentation: vLLM's ``entrypoints/openai/completion/protocol.py``,
llama.cpp's ``tools/server``, and the pages of SGLang, TGI and Ollama on compatibility with OpenAI.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slm_lsp.errors import EndpointError

Json = dict[str, Any]

TOP = 5
"""Likeliest tokens that are asked for: OpenAI's own limit, which all servers allow."""

USUAL_LOGPROB, USUAL_ENTROPY = -0.5, 0.5
"""What a token is taken to have where the server tells nothing: neither sure nor a guess."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One row: what a server can do beyond taking a text and streaming one.

    `ids`: a prompt may be token ids. `stop_ids`: it may be told which ids end a text. `grammar`: llama.cpp's
    grammars narrow the first tokens. `builds`: it puts prefix and suffix into the model's format itself,
    through ``/infill`` or the field ``suffix``. `owner`: what ``/v1/models`` says of a model's owner.
    """

    ids: bool = False
    stop_ids: bool = False
    grammar: bool = False
    builds: str = ""
    owner: str = ""


DIALECTS = {
    "llama.cpp": Dialect(ids=True, grammar=True, builds="/infill", owner="llamacpp"),
    "vllm": Dialect(ids=True, stop_ids=True, owner="vllm"),
    "sglang": Dialect(ids=True, stop_ids=True, owner="sglang"),
    "tgi": Dialect(),
    "ollama": Dialect(builds="suffix", owner="library"),
}
"""Every kind of server, by the name that the setting `endpointKind` takes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what a server writes; `ids` are empty where it tells none.

    `tops` are the texts of the likeliest tokens in the place of its first one, with their log-probabilities.
    """

    text: str
    ids: tuple[int, ...] = ()
    logprob: float = USUAL_LOGPROB
    entropy: float = USUAL_ENTROPY
    tops: tuple[tuple[str, float], ...] = ()
    finish: str = ""


def dialect_of(models: Json, kind: str) -> str:
    """Return the kind of a server, from its answer to ``/v1/models`` unless `kind` says it.

    Raises:
        EndpointError: it is of no known kind.
    """
    if kind != "auto":
        return kind
    owner = next((one.get("owned_by") for one in _listed(models)), None)
    for name, dialect in DIALECTS.items():
        if dialect.owner and dialect.owner == owner:
            return name
    raise EndpointError(
        f"the endpoint's kind can't be told; set `endpointKind` to one of {', '.join(DIALECTS)}"
    )


def model_of(models: Json, wanted: str) -> tuple[str, int | None]:
    """Return the name of the model to ask for and how many tokens it reads, as far as the server tells.

    Raises:
        EndpointError: the server has no such model.
    """
    listed = _listed(models)
    for one in listed:
        if wanted in ("", one.get("id")):
            meta = one.get("meta") or {}
            length = one.get("max_model_len") or meta.get("n_ctx")
            return str(one.get("id", "")), length if isinstance(length, int) else None
    names = ", ".join(str(one.get("id")) for one in listed)
    raise EndpointError(f"the endpoint has no model {wanted}; it has {names or 'none'}; see `endpointModel`")


def body(dialect: Dialect, model: str, max_tokens: int, stop_ids: Sequence[int], tail: str) -> Json:
    """Return a request without its prompt; `tail` is what has to be written first, if that can be told."""
    made: Json = {
        "model": model,
        "max_tokens": max_tokens,
        "temperature": 0,
        "stream": True,
        "logprobs": TOP,
    }
    if dialect.stop_ids:
        made["stop_token_ids"] = list(stop_ids)
    if dialect.grammar:
        # llama.cpp's own names beside OpenAI's, for `/infill`.
        made |= {"n_predict": max_tokens, "n_probs": TOP, "cache_prompt": True}
        if tail:
            made["grammar"] = f'root ::= "{_quoted(tail)}" [\\x00-\\U0010FFFF]*'
    return made


def pieces(event: Json) -> Iterator[Piece]:
    """Yield what an event of any server brings.

    Raises:
        EndpointError: it is no event of a completion.
    """
    if "choices" not in event and "content" in event:
        yield _native(event)
        return
    try:
        for choice in event["choices"]:
            yield _choice(choice)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EndpointError("the endpoint answers with events that are no completion's") from error


def _quoted(text: str) -> str:
    """Return a text as it is written in a string of llama.cpp's grammars."""
    return "".join(f"\\x{ord(one):02X}" if one in '"\\' or ord(one) < 0x20 else one for one in text)


def _listed(models: Json) -> list[Json]:
    listed = models.get("data")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _choice(choice: Json) -> Piece:
    text, finish = choice.get("text") or "", choice.get("finish_reason") or ""
    told = choice.get("logprobs") or {}
    if not isinstance(text, str):
        raise TypeError(text)
    # llama.cpp's last event repeats what the others told.
    if (content := told.get("content")) and not finish:
        return _from_content(text, content, finish)
    if not (logprobs := told.get("token_logprobs")):
        return Piece(text, finish=finish)
    known = [float(one) for one in logprobs if one is not None]
    first: Json = (told.get("top_logprobs") or [{}])[0] or {}
    tops = tuple((token, float(value)) for token, value in first.items())
    return Piece(
        text,
        logprob=sum(known) / len(known) if known else USUAL_LOGPROB,
        entropy=_entropy([value for _, value in tops]),
        tops=tops,
        finish=finish,
    )


def _native(event: Json) -> Piece:
    """Read an event of llama.cpp's ``/infill``, which is not in OpenAI's form."""
    finish = str(event.get("stop_type") or "stop") if event.get("stop") else ""
    content = event.get("completion_probabilities")
    text = str(event["content"])
    return Piece(text, finish=finish) if finish or not content else _from_content(text, content, finish)


def _from_content(text: str, content: Sequence[Json], finish: str) -> Piece:
    """Read llama.cpp's probabilities: an object for each token, which has its id."""
    tops = tuple((str(one["token"]), float(one["logprob"])) for one in content[0].get("top_logprobs", ()))
    return Piece(
        text,
        ids=tuple(int(one["id"]) for one in content),
        logprob=sum(float(one["logprob"]) for one in content) / len(content),
        entropy=_entropy([value for _, value in tops]),
        tops=tops,
        finish=finish,
    )


def _entropy(logprobs: Sequence[float]) -> float:
    """Return the entropy in nats of a distribution of which the top is known; the rest counts as one."""
    if not logprobs:
        return USUAL_ENTROPY
    rest = max(0.0, 1 - math.fsum(map(math.exp, logprobs)))
    known = -math.fsum(math.exp(value) * value for value in logprobs if value > -700)
    return known - (rest * math.log(rest) if rest > 0 else 0.0)
