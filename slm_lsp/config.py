"""Settings: one frozen dataclass. Names are camelCase in the editor and snake_case in Python; mapped here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

SECTION = "slm-lsp"
"""The section of the editor's configuration that holds these settings."""


@dataclass(frozen=True, slots=True)
class Check:
    """Returns the value of a setting to use, or raises ValueError with what the setting takes.

    `schema` says the same in JSON Schema, for editors.
    """

    take: Callable[[Any], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: Any) -> Any:
        """Return the value to use for what the editor sent."""
        return self.take(value)


@dataclass(frozen=True, slots=True)
class Option:
    """How one setting is documented and checked.

    A `guarded` one names a path, a model or an address: an editor takes it from a workspace only if the user
    trusts that.
    """

    doc: str
    check: Check
    guarded: bool = False


def _schema(**schema: Any) -> Callable[[Callable[[Any], Any]], Check]:
    return lambda take: Check(take, schema)


def _whole(low: int, high: int) -> Check:
    @_schema(type="integer", minimum=low, maximum=high)
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    @_schema(type="number", minimum=low, maximum=high)
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"a number from {low} to {high}")
        return float(value)

    return check


@_schema(type="boolean")
def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - a wrong value, reported as such
    return value


@_schema(type="string", minLength=1)
def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that is not empty")
    return value


@_schema(type="string")
def _perhaps_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004 - a wrong value, reported as such
    return value


def _choice(*choices: str) -> Check:
    @_schema(type="string", enum=list(choices))
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return str(value)

    return check


@_schema(type="array", items={"type": "string"}, uniqueItems=True)
def _languages(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError("a list of language ids")
    return tuple(one.lower() for one in value)


def _option(default: Any, doc: str, check: Check, *, guarded: bool = False) -> Any:
    return field(default=default, metadata={"option": Option(doc, check, guarded)})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; immutable, so that a worker may keep it."""

    enabled: bool = _option(True, "Whether anything is suggested at all.", _flag)
    model: str = _option(
        "smollm2-135m",
        "The model: a known name, a folder in Hugging Face layout, a `.gguf` file, or a hub id in the local "
        "hub cache.",
        _text,
        guarded=True,
    )
    adapter: str = _option(
        "",
        "What `slm-lsp tune` made for a known model: a name that `slm-lsp models list` shows, or a file; "
        "empty for the model as it ships, `none` for the model as it was published.",
        _perhaps_text,
        guarded=True,
    )
    large_model: str = _option(
        "",
        "A second, larger model for what you ask for, for blocks, and where `model` is unsure: named as "
        "`model` is, or `endpoint`; empty for none.",
        _perhaps_text,
        guarded=True,
    )
    endpoint: str = _option(
        "",
        "Address of a completion server of yours, such as `https://llm.example.com`: the text around the "
        "cursor goes there, and `model` answers only where it fails; empty for none.",
        _perhaps_text,
        guarded=True,
    )
    endpoint_kind: str = _option(
        "auto",
        "What serves there: `auto` (it is asked), `llama.cpp`, `vllm`, `sglang`, `tgi` or `ollama`.",
        _choice("auto", "llama.cpp", "vllm", "sglang", "tgi", "ollama"),
        guarded=True,
    )
    endpoint_model: str = _option(
        "", "The model's name there; empty for the first that it lists.", _perhaps_text, guarded=True
    )
    endpoint_tokenizer: str = _option(
        "",
        "The tokenizer of the endpoint's model: a folder with `tokenizer.json`, a `.gguf` file or a known "
        "model; empty lets llama.cpp and Ollama build the prompt.",
        _perhaps_text,
        guarded=True,
    )
    endpoint_authority: str = _option(
        "",
        "A file of certificates to trust there instead of the system's; empty for the system's.",
        _perhaps_text,
        guarded=True,
    )
    endpoint_timeout: int = _option(
        3000,
        "Milliseconds that the endpoint has for an answer, further tries included.",
        _whole(50, 600_000),
        guarded=True,
    )
    device: str = _option(
        "auto", "Where the model runs: `auto`, `cpu`, `cuda` or `mps`.", _choice("auto", "cpu", "cuda", "mps")
    )
    precision: str = _option(
        "auto",
        "The weights' number format: `auto` (int8 on CPU), `int8`, `int4`, `bfloat16`, `float16` "
        "or `float32`.",
        _choice("auto", "int8", "int4", "bfloat16", "float16", "float32"),
    )
    threads: int = _option(0, "Threads of the engine; 0 takes the number of physical cores.", _whole(0, 256))
    cache_memory: int = _option(
        256, "Megabytes for keys and values kept between requests; one prompt always fits.", _whole(16, 65536)
    )
    memory_limit: int = _option(
        0,
        "Megabytes of memory (resident size) from which on caches are emptied and, if that is not enough, "
        "requests are refused; 0 for no limit.",
        _whole(0, 1_000_000),
    )
    max_tokens: int = _option(64, "The longest suggestion, in tokens.", _whole(1, 512))
    max_lines: int = _option(
        8, "The longest suggestion, in lines; 1 keeps every suggestion on one line.", _whole(1, 100)
    )
    prefix_tokens: int = _option(512, "Tokens shown to the model from before the cursor.", _whole(16, 32768))
    suffix_tokens: int = _option(
        128,
        "Tokens shown to the model from after the cursor, if it was trained to use them.",
        _whole(0, 32768),
    )
    context_tokens: int = _option(
        300,
        "Tokens shown to the model from elsewhere: definitions, similar code, recent edits, and far parts of "
        "the file; 0 shows nothing of the kind.",
        _whole(0, 32768),
    )
    context_time_limit: int = _option(
        20,
        "Milliseconds in which that must be found; what is not is left out until the next request.",
        _whole(1, 10000),
    )
    index: bool = _option(
        True,
        "Whether the files of the workspace are indexed, in the background and on this machine; read at the "
        "start.",
        _flag,
    )
    memory: bool = _option(
        True,
        "Whether what the workspace's own code says comes next is mixed into what the model says; its text "
        "is kept in the cache folder for that.",
        _flag,
    )
    memory_size: int = _option(
        150,
        "Megabytes of memory and disk for that, at most; the files changed last come first.",
        _whole(1, 4096),
    )
    names: bool = _option(
        True,
        "Whether names that the workspace's code defines are raised where they may stand: members after a "
        "dot, what a module has to import, keyword arguments.",
        _flag,
    )
    time_limit: int = _option(
        1500, "Milliseconds after which a suggestion is cut at the end of its line.", _whole(10, 60000)
    )
    eagerness: int = _option(
        90,
        "How readily suggestions are shown by themselves, 0 to 100: those whose chance of being right is "
        "estimated at 100 less this percentage or more.",
        _whole(0, 100),
    )
    temperature: float = _option(
        0.0,
        "0 takes the likeliest token; above it tokens are drawn, the more freely the higher, as in "
        "transformers. Instruct models may gain by it.",
        _number(0, 2),
    )
    top_k: int = _option(
        50, "Where tokens are drawn: among so many of the likeliest; 0 for all.", _whole(0, 1_000_000)
    )
    top_p: float = _option(
        1.0,
        "Where tokens are drawn: among the likeliest whose probabilities add up to this.",
        _number(0.01, 1),
    )
    seed: int = _option(0, "Where tokens are drawn: the same seed draws the same.", _whole(0, 2**31 - 1))
    chat: str = _option(
        "auto",
        "Whether a model without fill-in-the-middle tokens is asked through its chat template: `on`, `off`, "
        "or `auto` for the known instruct models.",
        _choice("auto", "on", "off"),
    )
    alternatives: int = _option(
        3, "How many different suggestions are made when you ask for them.", _whole(1, 3)
    )
    in_comments: str = _option(
        "invoked",
        "Whether to suggest within comments: `on`, `off`, or only when `invoked`.",
        _choice("on", "off", "invoked"),
    )
    in_strings: str = _option(
        "invoked",
        "Whether to suggest within strings: `on`, `off`, or only when `invoked`.",
        _choice("on", "off", "invoked"),
    )
    ahead: bool = _option(
        True,
        "Whether idle time is used to read ahead, and to complete what follows a suggestion before you ask.",
        _flag,
    )
    hide_unknown_names: bool = _option(
        False, "Whether to hide suggestions with names that are found nowhere; they rank lower anyway.", _flag
    )
    max_file_size: int = _option(
        1_000_000,
        "Characters of the longest file in which anything is suggested by itself; where you ask, four times "
        "that.",
        _whole(1000, 10**8),
    )
    trail_text: bool = _option(
        False,
        "Whether the trail of the last requests, which `slm-lsp.trail` shows, keeps the suggested texts.",
        _flag,
    )
    statistics: bool = _option(
        True, "Whether what becomes of suggestions is counted on this machine, for `slm-lsp stats`.", _flag
    )
    disabled_languages: tuple[str, ...] = _option(
        (), "Language ids (such as `markdown`) in which nothing is suggested.", _languages
    )
    completion_popup: bool = _option(
        False,
        "Whether an editor that shows suggestions inline is to show them in its completion popup as well; "
        "read from `initializationOptions` at the start. Other editors have them in the popup anyway.",
        _flag,
    )


def camel(name: str) -> str:
    """Return the editor's name of a setting: ``max_tokens`` is ``maxTokens``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def options() -> dict[str, Option]:
    """Return each setting's option, keyed by its snake_case name, in the order of `Settings`."""
    return {one.name: one.metadata["option"] for one in fields(Settings)}


def table() -> str:
    """Return all settings with their defaults, as they stand in the editor's JSON, as a table in markdown."""
    defaults = Settings()
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for name, option in options().items():
        default = json.dumps(getattr(defaults, name))
        rows.append(f"| `{camel(name)}` | `{default}` | {option.doc} |")
    return "\n".join(rows)


def schema() -> dict[str, dict[str, Any]]:
    """Return each setting in JSON Schema, keyed by its full name in the editor: ``slm-lsp.maxTokens``."""
    defaults = Settings()
    return {
        f"{SECTION}.{camel(name)}": {
            **option.check.schema,
            "default": _plain(getattr(defaults, name)),
            "markdownDescription": option.doc,
        }
        for name, option in options().items()
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def parse(
    values: Mapping[str, Any], base: Settings | None = None, *, trusted: bool = True
) -> tuple[Settings, list[str]]:
    """Lay the editor's values over `base`.

    Returns the settings and one sentence for each value that was not taken: a bad value leaves the
    default in place, an unknown name is named, and a guarded setting stays as it is unless `trusted`.
    """
    settings, defaults, complaints = base or Settings(), Settings(), []
    known = {camel(name): (name, option) for name, option in options().items()}
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            complaints.append(f"{SECTION}: there is no setting `{key}`; the README lists them all.")
            continue
        name, option = known[key]
        if value is None:
            continue
        try:
            changes[name] = option.check(value)
            if option.guarded and not trusted and changes[name] != getattr(settings, name):
                del changes[name]
                complaints.append(
                    f"{SECTION}: `{key}` is not taken from a workspace that is not trusted; put it into your "
                    "editor's `initializationOptions`, or run `slm-lsp trust FOLDER`."
                )
        except ValueError as error:
            default = changes[name] = getattr(defaults, name)
            complaints.append(f"{SECTION}: `{key}` must be {error}; {json.dumps(default)} is used instead.")
    return replace(settings, **changes), complaints
