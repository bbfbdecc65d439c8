"""What a completion is asked with and what it answers: plain values, no protocol types."""

from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean

from slm_lsp.completion.context import Contexts
from slm_lsp.engine.interface import Usage
from slm_lsp.text.snapshot import Snapshot


class Trigger(Enum):
    """Why the editor asks."""

    INVOKED = "invoked"
    AUTOMATIC = "automatic"


class Source(Enum):
    """Where an answer came from."""

    ENGINE = "the model"
    CACHE = "the cache"
    JOINED = "a request that was running"
    NONE = "nothing was asked"


class Reason(Enum):
    """Why a request got no item; the value is what the user reads."""

    LOADING = "the model is still loading"
    NO_MODEL = "the model could not be loaded; run `slm-lsp doctor`"
    DISABLED = "completion is switched off by the settings"
    LANGUAGE_OFF = "completion is switched off for this language by the settings"
    SUPERSEDED = "the document changed or a newer request took its place"
    CANCELLED = "the editor cancelled the request"
    SNOOZED = "suggestions are snoozed"
    FILE_IGNORED = "an ignore rule covers this file, or it looks like holding secrets"
    FILE_TOO_LONG = "the file is longer than `maxFileSize`, or than four times that if you asked"
    SELECTION = "text is selected"
    POPUP_DISAGREES = "the popup's entry does not go on from what is typed"
    IN_COMMENT = "the cursor is in a comment"
    IN_STRING = "the cursor is in a string"
    MID_WORD = "the cursor is in the middle of a word"
    REST_OF_LINE = "there is code behind the cursor that a suggestion would tear apart"
    AFTER_CLOSER = "the cursor is right after a closing bracket or a semicolon"
    AFTER_ACCEPTED = "a line was just accepted here"
    REJECTED_HERE = "the same suggestion was rejected here before"
    EMPTY = "the model had nothing to add here"
    LEAK = "the model wrote special tokens"
    CHAT = "the model answered in words instead of code"
    REPEATS_ITSELF = "the model went round in circles"
    REPEATS_SUFFIX = "the model only repeated the text that follows"
    REPEATS_ABOVE = "the model only repeated the line above"
    UNBALANCED = "the suggestion would leave brackets without their partners"
    SYNTAX = "the suggestion would bring in syntax errors"
    UNKNOWN_NAMES = "the suggestion has names that are found nowhere"
    TOO_SHORT = "the suggestion was too short to be worth a look"
    LOW_CONFIDENCE = "the suggestion was too unlikely to be right"
    FAILED = "the model failed; see the log"
    HUNG = "the model hung; it is being loaded again"
    FLOOD = "too many requests waited for the model"
    MEMORY = "the server holds more memory than `memoryLimit` allows"


@dataclass(frozen=True, slots=True)
class PopupEntry:
    """The entry selected in the editor's popup: it would replace columns `start` to `end` of the line."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One question: what comes at `line`, `column` (from 0, in code points) of a snapshot?

    `preceding` and `following` are the texts of the notebook cells around the document, in order. `selecting`
    says whether text is selected. `contexts` knows what else to show; without it the document alone is seen.
    """

    document: Snapshot
    line: int
    column: int
    trigger: Trigger = Trigger.AUTOMATIC
    popup: PopupEntry | None = None
    preceding: tuple[str, ...] = ()
    following: tuple[str, ...] = ()
    selecting: bool = False
    contexts: Contexts | None = field(default=None, repr=False, compare=False)


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
class Written:
    """A token of the model's text: where it ends in it, and how sure the model was (see `engine.Token`)."""

    end: int
    logprob: float
    entropy: float


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote at the cursor, cut by the stop rules; `stop` names what ended it.

    `tokens` are those of the text and those that a stop rule cut off, without those that only wrote the
    healed end of the prompt again. `score` is the log-probability of all that was written.
    """

    text: str
    stop: str
    whole_line: bool
    """Whether the model wrote on past the end of the text's last line."""
    tokens: tuple[Written, ...] = ()
    score: float = 0.0

    @property
    def logprob(self) -> float | None:
        """The mean natural-log probability of the tokens; None if there are none."""
        return fmean(token.logprob for token in self.tokens) if self.tokens else None


@dataclass(frozen=True, slots=True)
class Filtered:
    """A filter's name, and the text as it left it."""

    filter: str
    text: str


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """The answer: items, or the reason why there is none; and, if the model ran, how its text became so.

    `source` says where it came from, `features` are what `slm_lsp.completion.confidence` judges the
    first text by, and `confidence` is its verdict, from 0 to 1. `notice` is news for the user to read.
    """

    items: tuple[CompletionItem, ...] = ()
    reason: Reason | None = None
    model: str = ""
    stages: tuple[Stage, ...] = ()
    usage: Usage = field(default_factory=Usage)
    draft: Draft | None = None
    filtered: tuple[Filtered, ...] = ()
    source: Source = Source.ENGINE
    features: tuple[float, ...] = ()
    confidence: float | None = None
    notice: str = ""
