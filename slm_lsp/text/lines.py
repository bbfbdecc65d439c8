"""Splitting text into lines the way the Language Server Protocol counts them."""

from io import StringIO


def split(text: str) -> list[str]:
    """Split `text` into lines that keep their endings: ``\\r\\n``, ``\\n`` or ``\\r``, and nothing else.

    There is at least one line; the last one, which may be empty, has no ending. (`str.splitlines` also
    breaks at form feeds, U+2028 and others, which no editor counts as lines.)
    """
    lines = list(StringIO(text, newline=""))
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines
