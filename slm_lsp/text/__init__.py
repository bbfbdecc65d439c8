"""Text of open documents: lines, positions and edits. Knows no protocol and no language."""
