"""The names on the cursor's line whose members or parameters come next, and what types variables have."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from slm_lsp.context.words import STOP_WORDS

REACH = 400
"""Lines above the cursor, and a fourth of it below, in which the type of a variable is looked for."""

MOST_TYPED = 12
"""Variables whose types are looked for."""

_CALLED = re.compile(r"([A-Za-z_]\w*)(?:<[\w\s,<>]*>)?\s*(?:\(|\.|::|->|\?\.)")
_TYPE = r"(?:\w+(?:\.|::))*([A-Z]\w*)"
_OPENED = r"(?:[\w.:]+\s*[\[<(]\s*|&|\*|'\w+\s|mut\s|dyn\s|impl\s|const\s|['\"])*"
_WORD = re.compile(r"[A-Za-z_]\w*")


def called(before: str, after: str) -> tuple[str, ...]:
    """Return the names on a line that something of theirs was asked of: ``name(``, ``name.`` and the like.

    `before` and `after` are the line's text on both sides of the cursor. A name that is still being typed is
    none of them, so that what is shown stays as it is meanwhile.
    """
    found = [match[1] for match in _CALLED.finditer(before)]
    found += [match[1] for match in _CALLED.finditer(after) if match.start() or not _WORD.match(before[-1:])]
    return tuple(dict.fromkeys(name for name in found if len(name) > 2 and name not in STOP_WORDS))


def types(names: Iterable[str], lines: Sequence[str], line: int) -> dict[str, str]:
    """Return the types that variables are declared with or made by, as far as the text tells.

    The declaration nearest above the cursor's line counts; it is looked for by its form, in any language.
    """
    wanted = list(dict.fromkeys(names))[:MOST_TYPED]
    below = range(min(len(lines), line + 1 + REACH // 4) - 1, line, -1)
    found: dict[str, str] = {}
    for at in (*below, *range(max(0, line - REACH), line)):
        for name in wanted:
            if name in lines[at] and (match := _declared(name).search(lines[at])):
                found[name] = next(group for group in match.groups() if group)
    return found


@lru_cache(1000)
def _declared(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"\b{name}\s*\??:\s*{_OPENED}{_TYPE}"  # name: Type
        rf"|\b{name}\s*:?=\s*(?:await\s+|new\s+|&)*{_TYPE}(?:::\w+)?\s*[({{<]"  # name = Type(
        rf"|\b{_TYPE}(?:<[^<>;]*>)?[\s*&]+{name}\s*[;,)=({{]"  # Type name
    )
