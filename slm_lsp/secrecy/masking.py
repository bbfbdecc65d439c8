"""Masking what looks like a secret in ordinary text.

Every character of a secret becomes `MASK`, so that a text keeps its length and its lines, and the same secret
always looks the same: what the engine computed for it stays valid from key to key.
"""

import re
import string
from collections.abc import Iterator

from slm_lsp.secrecy.tokens import tokens

MASK = "x"

_MARGIN = 2000
"""Characters beyond those that are shown in which the beginning of a secret is looked for."""

_NAMES = ("pass", "pw", "secret", "token", "key", "credential", "auth", "bearer")
"""What a line must hold, in lower case, for one of the expressions that look at names to fit."""

_NAME = r"""[\w.-]*(?:passwords?|passwd|pwd|passphrase|secrets?|tokens?|credentials?|auth
    |(?<![^\W\d_])(?:pass|pw)
    |(?:api|access|secret|private|signing|encryption|auth|account|master)[_.-]?keys?)"""
_PASSWORD = r"[\w.-]*(?:passwords?|passwd|pwd|passphrase|secret|(?<![^\W\d_])(?:pass|pw))"

_ASSIGNED = re.compile(
    rf"""(?ix) (?<![\w.-]) (?:{_NAME}) ["'\]]* \s* (?: :\s*[\w.\[\], |]+?\s*= | [:=]=? | =>)\s*
    (?:[fbru]{{0,2}})(?P<quote>["'`])(?P<value>[^"'`\n]{{6,}})(?P=quote)"""
)
"""A literal that is given to what is called a secret."""

_BARE = re.compile(
    rf"""(?imx) ^[-+\ \t]*(?:export[ ]+|set[ ]+)?
    (?:{_PASSWORD} \s*[:=][ \t]*(?=\S{{6}}) | {_NAME} \s*[:=][ \t]*(?=\S{{8}}))
    (?P<value>(?=\S*\d)(?=\S*[a-z])(?:[^\s'"`()\[\]{{}},;$<>]|(?<=[^\s:=])\$(?![({{]))+)(?:(?!\S)|(?P<more>[,;]))"""
)
"""The same without quotes, as in shells, YAML and ini files, and in their edits: letters with digits."""

_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAMED = re.compile(r"[\w.]+")
"""Values that are none: attributes, and before a comma or a semicolon, as in code, any name or number."""

_HEADER = re.compile(r"""(?i)\b(?:bearer|basic|token)[ ]+(?P<value>(?=\S*[\d=])[\w.~+/=-]{16,})""")
"""What stands in an ``Authorization`` header."""

_FIELD = re.compile(
    r"""(?ix) (?:[;"'?&] \s* (?:password|pwd) \s* = \s* | (?P<element><[\w.:-]*passw(?:or)?d>))
    (?P<value>[^\s;"'&<>{}$%]{3,}) (?(element)(?=</)|(?=[;"'&]))"""
)
"""A password in a connection string, the query of an address, or an element of XML."""

_ADDRESS = re.compile(r"""://[^\s/:@'"{}$<>]*:(?P<value>[^\s/@'"{}$<>]{3,})@""")
"""The password in an address."""

_RUN = re.compile(r"[\w+/=-]{32,}", re.ASCII)
_LINE = re.compile(r"""(?m)^[ \t+"'-]*(?P<value>[A-Za-z0-9+/]{16,31}={0,2})["']?,?[ \t]*\r?$""")
"""Long runs of letters and digits; shorter ones only as lines of their own, as a key in armour ends."""

_WORDS = re.compile(r"[A-Z]?[a-z]{3,}|(?<![A-Za-z0-9])[A-Z]+(?![A-Za-z0-9])|[_/=-]+")
_NOISE = 0.6
"""The share of a run that is no part of a word, from which on the run is no name or path. (Of random base64
that is about 0.8, of hexadecimal digits 0.9, of long names 0.4 at most.)"""

_PLAIN = re.compile(r"[A-Za-z ,.:_/-]+|(.)\1*|\d+(?:\.\d+)*|[^\w]+")
"""Literals that are no secret: words, paths, numbers, and one character over and over."""


_LOWER = {ord(letter): ord(letter) + 32 for letter in string.ascii_uppercase}


def mask(text: str) -> str:
    """Return a text of the same length in which whatever looks like a secret is masked."""
    found = sorted(_secrets(text))
    if not found:
        return text
    parts, at = [], 0
    for start, end in found:
        start = max(start, at)
        if start < end:
            parts += [text[at:start], re.sub(r"[^\n\r]", MASK, text[start:end])]
            at = end
    return "".join([*parts, text[at:]])


def mask_around(before: str, after: str, reach: tuple[int, int]) -> tuple[str, str]:
    """Mask the texts before and after a cursor, as far as they are shown; a secret may lie across it.

    `reach` is how many characters are shown of each at most. A private key is found however far away it
    begins.
    """
    shown_before, shown_after = (length + _MARGIN for length in reach)
    first = before.rfind("\n", 0, max(0, len(before) - shown_before)) + 1
    last = after.find("\n", shown_after)
    last = len(after) if last < 0 else last
    if "-----BEGIN " in before:
        first = 0
    masked = mask(before[first:] + after[:last])
    middle = len(before) - first
    return before[:first] + masked[:middle], masked[middle:] + after[last:]


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    yield from tokens(text)
    for start, end in _lines_with_names(text):
        for match in _ASSIGNED.finditer(text, start, end):
            if not _PLAIN.fullmatch(match["value"]) or _is_password(match):
                yield match.span("value")
        for match in _BARE.finditer(text, start, end):
            if not (_NAMED if match["more"] else _ATTRIBUTE).fullmatch(match["value"]):
                yield match.span("value")
        for form in (_HEADER, _FIELD):
            yield from (match.span("value") for match in form.finditer(text, start, end))
    at = text.find("://")
    while at >= 0:
        if address := _ADDRESS.match(text, at):
            yield address.span("value")
        at = text.find("://", at + 3)
    for match in _RUN.finditer(text):
        if _opaque(match[0]):
            yield match.span()
    for match in _LINE.finditer(text):
        if _opaque(match["value"]):
            yield match.span("value")


def _lines_with_names(text: str) -> Iterator[tuple[int, int]]:
    """Yield the beginnings and ends of lines, each with the next, on which something is called a secret."""
    # Of texts in other letters, `str.lower` may change the length.
    lower = text.lower() if text.isascii() else text.translate(_LOWER)
    starts = set()
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            starts.add(text.rfind("\n", 0, at) + 1)
            end = text.find("\n", at)
            at = -1 if end < 0 else lower.find(name, end)
    for start in sorted(starts):
        end = text.find("\n", start)
        end = end if end < 0 else text.find("\n", end + 1)
        yield start, len(text) if end < 0 else end


def _is_password(match: re.Match[str]) -> bool:
    """Whether a word without digits is a password all the same, by what it is given to."""
    name, value = match[0][: match.start("value") - match.start()].lower(), match["value"]
    return "passw" in name and " " not in value and value.lower() not in ("password", "passwords", "passwd")


def _opaque(run: str) -> bool:
    """Whether a run of letters and digits looks drawn by chance, and not written."""
    if not (any(map(str.isdigit, run)) and any(map(str.isalpha, run))):
        return False
    return len(_WORDS.sub("", run)) >= _NOISE * len(run)
