"""What a completion is asked with and what it answers: plain values, no protocol types."""

from dataclasses import dataclass, field
from enum import Enum

from slm_lsp.engine.interface import Usage
from slm_lsp.text.snapshot import Snapshot


class Trigger(Enum):
    """Why the editor asks."""

    INVOKED = "invoked"
    AUTOMATIC = "automatic"


class Reason(Enum):
    """Why a request got no item; the value is what the user reads."""

    LOADING = "the model is still loading"
    NO_MODEL = "the model could not be loaded; run `slm-lsp doctor`"
    DISABLED = "completion is switched off by the settings"
    LANGUAGE_OFF = "completion is switched off for this language by the settings"
    SUPERSEDED = "the document changed or a newer request took its place"
    CANCELLED = "the editor cancelled the request"
    EMPTY = "the model had nothing to add here"
    REPEATS_SUFFIX = "the model only repeated the text that follows"
    FAILED = "the model failed; see the log"


@dataclass(frozen=True, slots=True)
class PopupEntry:
    """The entry selected in the editor's popup: it would replace columns `start` to `end` of the line."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One question: what comes at `line`, `column` (from 0, in code points) of a snapshot?

    `preceding` and `following` are the texts of the notebook cells around the document, in order.
    """

    document: Snapshot
    line: int
    column: int
    trigger: Trigger = Trigger.AUTOMATIC
    popup: PopupEntry | None = None
    preceding: tuple[str, ...] = ()
    following: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionItem:
    """A suggestion: `text` replaces columns `start` to `end` (code points) of the request's line."""

    id: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One step on the way to the answer: its name, its time in ms, and in words what it did."""

    name: str
    ms: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote at the cursor, cut by the stop rules; `stop` names what ended it.

    `logprob` is the mean natural-log probability of its tokens, with those that a stop rule cut off and
    without those that only wrote the healed end of the prompt again; None if there were none.
    """

    text: str
    stop: str
    whole_line: bool
    """Whether the model wrote on past the end of the text's last line."""
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Filtered:
    """A filter's name, and the text as it left it."""

    filter: str
    text: str


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """The answer: items, or the reason why there is none; and, if the model ran, how its text became so."""

    items: tuple[CompletionItem, ...] = ()
    reason: Reason | None = None
    model: str = ""
    stages: tuple[Stage, ...] = ()
    usage: Usage = field(default_factory=Usage)
    draft: Draft | None = None
    filtered: tuple[Filtered, ...] = ()
