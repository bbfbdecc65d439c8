"""Code of other files for examples to be shown with, laid out as it is in use.

What a search finds in use is right more often than not, and not always: so most windows are drawn around the
uses or the definition of a name that the hole has, and some anywhere.
"""

import random
import re
from collections.abc import Iterable

from slm_lsp.context.languages import comment
from slm_lsp.text.snippet import Part, Snippet
from slm_lsp.tuning.examples import File

TRIED = 24
"""Files that are looked through for a hole: enough to find a use of a common name, few enough to be fast."""

LINES = (2, 10)
"""Lines of a window."""

ANYWHERE = 0.2
"""Share of the windows that have nothing to do with the hole."""

COMMON = 0.4
"""A name that more of the files than this share have is a word of the language, or says as little."""

_NAME = re.compile(r"[A-Za-z_]\w{3,}")
_DEFINING = re.compile(
    r"(?:def|class|func|fn|function|struct|enum|interface|trait|type|const|static|void|int)\s+"
)


class Neighbours:
    """The files of each source, by language."""

    def __init__(self, files: Iterable[File]) -> None:
        self._groups: dict[tuple[str, str], list[File]] = {}
        for file in files:
            self._groups.setdefault((file.source, file.language), []).append(file)

    def snippets(self, file: File, hole: str, rng: random.Random) -> list[Snippet]:
        """Draw one to three windows of other files, for the most part around names that the hole has."""
        group = self._groups.get((file.source, file.language), ())
        others = [one for one in rng.sample(group, min(TRIED, len(group))) if one.path != file.path]
        if not others:
            return []
        places = self._places(others, hole, rng)
        found = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            if places and rng.random() >= ANYWHERE:
                found.append(_window(*places.pop(rng.randrange(len(places))), rng))
            elif rng.random() < 2 * ANYWHERE:
                other = rng.choice(others)
                found.append(_window(other, rng.randrange(len(other.text)), False, rng))
        return found

    def _places(self, others: list[File], hole: str, rng: random.Random) -> list[tuple[File, int, bool]]:
        """Return where names of the hole stand in other files, and whether they are defined there."""
        places = []
        for name in sorted(set(_NAME.findall(hole))):
            uses = [(other, at) for other in others if (at := other.text.find(name)) >= 0]
            if len(uses) > max(1, COMMON * len(others)):
                continue
            for other, at in uses:
                defined = re.search(_DEFINING.pattern + re.escape(name) + r"\b", other.text)
                places.append((other, defined.start(), True) if defined else (other, at, False))
        return places


def _window(file: File, at: int, defined: bool, rng: random.Random) -> Snippet:
    """Cut lines around a place; what is defined there begins the window."""
    lines = file.text.split("\n")
    line, count = file.text.count("\n", 0, at), rng.randint(*LINES)
    start = line if defined else max(0, line - rng.randrange(count))
    text = "\n".join(lines[start : start + count]).strip("\n")
    part = Part.DEFINITIONS if defined else Part.SIMILAR
    return Snippet(part, file.path, comment(file.language) or ("#", ""), file.path, text, 0.0, "")
