"""What becomes of suggestions: told to whoever keeps the statistics."""

from dataclasses import dataclass
from enum import Enum


class Happened(Enum):
    """What happened to a suggestion; `KEPT` is one more key typed of what it says."""

    SHOWN = "shown"
    KEPT = "kept"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, in a language; `ms` is the time until it was shown.

    `kind` says of an accepted one whether it was "whole", a "word" or a "line"; `text` is what was shown or
    accepted, which is not to be stored.
    """

    what: Happened
    language: str
    text: str = ""
    ms: float = 0.0
    cached: bool = False
    kind: str = "whole"
    uri: str = ""
