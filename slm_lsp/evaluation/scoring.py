"""How right a completion is: its text, its identifiers, and the file that it makes."""

import ast
import re
import warnings
from collections import Counter

from rapidfuzz.distance import Levenshtein

from slm_lsp.completion.request import CompletionRequest, CompletionResult
from slm_lsp.context import grammars

_NAME = re.compile(r"[^\W\d]\w*")


def shown(result: CompletionResult) -> str:
    """Return the text that was suggested, with ``\\n`` for line endings, or ""."""
    return result.items[0].text.replace("\r\n", "\n") if result.items else ""


def filled(request: CompletionRequest, result: CompletionResult) -> str:
    """Return the request's document with the suggestion in its place, or as it is if there is none."""
    document, line = request.document, request.line
    if not result.items:
        return "".join(document.lines)
    item = result.items[0]
    return document.before(line, item.start) + item.text + document.after(line, item.end)


def rest_of_line(request: CompletionRequest) -> str:
    """Return what stands after the cursor in its line."""
    return request.document.lines[request.line][request.column :]


def right(text: str, reference: str, rest: str) -> bool:
    """Whether a text is the reference, where `rest` is what follows it in the cursor's line.

    The kind of line ending does not count, and white space at the end only if something follows it.
    """
    if rest.strip():
        return text.replace("\r\n", "\n") == reference.replace("\r\n", "\n")
    return _bare(text) == _bare(reference)


def similarity(text: str, reference: str) -> float:
    """Return the edit similarity: 1 less the Levenshtein distance over the longer text's length, 0 to 1."""
    return Levenshtein.normalized_similarity(_bare(text), _bare(reference))


def identifiers(language: str, text: str, start: int, end: int) -> Counter[str]:
    """Count the identifiers that lie in characters `start` to `end` of a file, or partly so.

    By the language's grammar; without one every word counts, keywords included.
    """
    if language not in grammars.LANGUAGES:
        names = (match for match in _NAME.finditer(text) if match.start() < end and match.end() > start)
        return Counter(match[0] for match in names)
    return Counter(
        text[span.start : span.end]
        for span in grammars.spans(language, text, start, end)
        if span.leaf and span.type.endswith("identifier")
    )


def agreement(found: Counter[str], wanted: Counter[str]) -> float | None:
    """Return the F1 of the identifiers found, 0 to 1; None if there are none to find (Ding et al. 2023)."""
    if not wanted:
        return None
    return 2 * (found & wanted).total() / (found.total() + wanted.total())


def parse_errors(language: str, text: str) -> int | None:
    """Count what does not parse in a file; None if the language has no grammar.

    Python's own parser finds the wrong indentation that the grammar lets pass.
    """
    errors = grammars.parses(language, text)
    return 1 if errors == 0 and language == "python" and _indented_wrongly(text) else errors


def _indented_wrongly(text: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(text)
    except IndentationError:
        return True
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return False


def _bare(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()
