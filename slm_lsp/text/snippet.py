"""Code that is shown to the model beside the text at the cursor."""

from dataclasses import dataclass
from enum import Enum


class Part(Enum):
    """What kind of context a snippet is; the value is its name on the command line."""

    FILE = "file"
    DEFINITIONS = "definitions"
    SIMILAR = "similar"
    EDITS = "edits"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code of a file, as it is shown.

    `path` is shown with it; `marks` open and close a comment in the file's language. `key` tells a snippet
    from the others of its part even if its text changes. `score` is comparable within the part, and
    `source` says where it is from. `name` is what a definition defines.
    """

    part: Part
    path: str
    marks: tuple[str, str]
    key: str
    text: str
    score: float
    source: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Code of the file itself, shown in front of what is seen of it if line `first` (from 0) is not seen.

    `text` ends with a line feed. The `rank` says which comes first where there is no room for all, 0 before
    1. A `scope` encloses the cursor; a member of one names its first line in `under`.
    """

    first: int
    text: str
    rank: int
    scope: bool = False
    under: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the context of a place has to offer: snippets, best first in each part, and the file's own pieces.

    `pieces` come in the order in which they are shown. `path` and `marks` are those of the file itself,
    `repository` is the name of its workspace folder.
    """

    path: str = ""
    marks: tuple[str, str] = ("#", "")
    repository: str = ""
    pieces: tuple[Piece, ...] = ()
    snippets: tuple[Snippet, ...] = ()
