"""Comments, strings and brackets of text that need not parse, by patterns that nearly all languages share."""

import re
from functools import lru_cache

from slm_lsp.context.languages import comment

_QUOTED = frozenset(
    ("python", "javascript", "javascriptreact", "typescript", "typescriptreact", "php", "lua", "shellscript")
)
"""Languages in which an apostrophe in code always opens a string."""

_CODE = re.compile(r"(?:[$#]\{|\b[fF][rR]?['\"]+[^{]*\{)[^}]*\Z")
"""Code within a string, at its end."""

_END = "\0"


@lru_cache(maxsize=64)
def lexer(language: str, *, torn: bool = False) -> re.Pattern[str]:
    """Return a pattern of comments, strings, and, in its group 1, brackets outside of both.

    A `torn` text ends within what it opens last, and a quote need not be closed.
    """
    opener, closer = comment(language) or ("", "")
    prose = [r'"""[\s\S]*?(?:"""|\Z)', r"'''[\s\S]*?(?:'''|\Z)"] if language == "python" else []
    if closer:
        prose += [re.escape(opener) + rf"[\s\S]*?(?:{re.escape(closer)}|\Z)"]
    elif opener and opener not in ("'", '"'):
        prose += [re.escape(opener) + r"[^\n]*"]
    prose += [r"/\*[\s\S]*?(?:\*/|\Z)"] if opener == "//" else []
    # An apostrophe need not open a string: lifetimes, marks of transposition, prose.
    quoted = r"'(?:\\[^\n']+|[^'\\\n])'" if language == "rust" else r"'(?:\\.|[^'\\\n])*'"
    ticked = r"`(?:\\.|[^`\\])*`"
    if torn and language in _QUOTED:
        quoted, ticked = quoted + "?", r"`(?:\\.|[^`\\])*(?:`|\Z)"
    return re.compile("|".join([*prose, r'"(?:\\.|[^"\\\n])*"?', quoted, ticked, r"([()\[\]{}])"]))


def unclosed(language: str, text: str) -> str:
    """Return the comment or string within which a text ends, or "" if it ends in code.

    Where a language has code in its strings, that counts as code.
    """
    *_, last = (None, *lexer(language, torn=True).finditer(text + _END))
    if last is None or last.end() <= len(text):
        return ""
    # What stands before the quote may say that there is code in it.
    return "" if _CODE.search(text[max(0, last.start() - 2) :]) else last[0].removesuffix(_END)
