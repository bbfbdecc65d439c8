"""Which texts people write, and may be shown: nothing minified, generated, or with a secret in it."""

import re
from functools import lru_cache
from pathlib import Path, PurePath

from slm_lsp.secrecy import has_token, mask, secret_name

LARGEST = 300_000
"""Bytes; longer files are most often generated or data."""

LONGEST_LINE, LONGEST_MEAN = 1000, 120
"""Characters of the longest line and of the mean line, from which a file counts as minified."""

KEPT = 64
"""Files whose text is kept: the same ones are like the code at the cursor again and again."""

SHORT = 200
"""Characters below which the share of letters says nothing."""

_GENERATED = re.compile(
    r"@generated|do not edit|auto-?generated|automatically generated|generated (?:by|from|file|code)",
    re.IGNORECASE,
)


def reason_to_skip(path: PurePath | str, text: str) -> str | None:
    """Return why a text is left out: it is "minified", "data", "generated" or has a "secret"; else None."""
    name = PurePath(path).name
    longest = max(map(len, text.split("\n")))
    mean = len(text) / (1 + text.count("\n"))
    if longest > LONGEST_LINE or mean > LONGEST_MEAN or ".min." in name:
        return "minified"
    if len(text) >= SHORT and sum(map(str.isalpha, text)) < 0.25 * len(text):
        return "data"
    if _GENERATED.search(text[:2000]):
        return "generated"
    return "secret" if secret_name(path) or has_token(text) else None


def read(path: Path) -> str | None:
    """Return the text of a file, in UTF-8 or else Latin-1, or None if it is not to be shown.

    What looks like a secret in it is masked. The last `KEPT` files are kept, until they change.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return None if status.st_size > LARGEST else _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(KEPT)
def _read(path: Path, time: int, size: int) -> str | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if not data or b"\0" in data:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return None if reason_to_skip(path, text) else mask(text)
