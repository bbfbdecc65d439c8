"""Columns in the units that an editor counts, and in code points."""

from enum import Enum


class Encoding(Enum):
    """The unit in which an editor counts columns; the value is its name in the Language Server Protocol."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"

    def column(self, line: str, units: int) -> int:
        """Return the code-point column that lies `units` into a line.

        `units` may be anything: it is clamped to the line without its ending, and a count that ends inside
        a character becomes that character's start. `line` holds no lone surrogates.
        """
        content = line.rstrip("\r\n")
        units = max(units, 0)
        if self is Encoding.UTF32 or content.isascii():
            return min(units, len(content))
        codec, size = _CODECS[self]
        return len(content.encode(codec)[: units * size].decode(codec, "ignore"))

    def units(self, line: str, column: int) -> int:
        """Return how many units lie before a code-point column of a line, clamped to the line."""
        before = line[: max(column, 0)].rstrip("\r\n")
        if self is Encoding.UTF32 or before.isascii():
            return len(before)
        codec, size = _CODECS[self]
        return len(before.encode(codec)) // size


_CODECS = {Encoding.UTF8: ("utf-8", 1), Encoding.UTF16: ("utf-16-le", 2)}
"""Python's codec for an encoding, and the bytes of one unit."""
