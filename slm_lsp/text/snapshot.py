"""An unchanging view of a document, safe to hand to another thread."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of one document.

    `lines` holds the lines with their own line endings (``\\r\\n``, ``\\n`` or ``\\r``); it has at least one
    line, and the last one, which may be empty, has no ending. Lines and columns count from 0, columns in
    code points. `language` is the LSP language id.
    """

    uri: str
    language: str
    version: int
    lines: tuple[str, ...]
    path: Path | None = None

    def clamp(self, line: int, column: int) -> tuple[int, int]:
        """Return the nearest position that exists, never inside a line ending."""
        if line < 0:
            return 0, 0
        if line >= len(self.lines):
            line, column = len(self.lines) - 1, len(self.lines[-1])
        return line, max(0, min(column, len(self.lines[line].rstrip("\r\n"))))

    def before(self, line: int, column: int) -> str:
        """Return the text before an existing position."""
        return "".join(self.lines[:line]) + self.lines[line][:column]

    def after(self, line: int, column: int) -> str:
        """Return the text after an existing position."""
        return self.lines[line][column:] + "".join(self.lines[line + 1 :])
