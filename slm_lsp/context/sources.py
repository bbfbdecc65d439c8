"""Which texts people write, and may be shown: nothing minified, generated, or with a secret in it."""

import re
from pathlib import Path, PurePath

LARGEST = 300_000
"""Bytes; longer files are most often generated or data."""

LONGEST_LINE, LONGEST_MEAN = 1000, 120
"""Characters of the longest line and of the mean line, from which a file counts as minified."""

SHORT = 200
"""Characters below which the share of letters says nothing."""

_GENERATED = re.compile(
    r"@generated|do not edit|auto-?generated|automatically generated|generated (?:by|from|file|code)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"""-----BEGIN\ (?:[A-Z]+\ )*PRIVATE\ KEY | \bAKIA[0-9A-Z]{16}\b | \bgh[pousr]_\w{36}
    | \bxox[abprs]-[\w-]{10} | \bAIza[\w-]{35} | \bsk-[\w-]{32} | \beyJ[\w-]{16,}\.eyJ[\w-]{16,}
    | (?i:\b(?:password|passwd|secret|api_?key|access_?token|auth_?token)\b['"]?\s*[:=]\s*
        ['"](?=[^'"]*\d)(?=[^'"]*[a-z])[\w+/=-]{16,}['"])""",
    re.VERBOSE,
)
"""Keys and tokens in the forms that their issuers give them, and long literals given to what is called a
secret.

The forms are those of https://docs.github.com/en/code-security/secret-scanning.
"""
_SECRET_NAME = re.compile(
    r"""(?i: \.env(?:\..+)? | .+\.env | .+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|asc|tfvars) | id_[a-z0-9]+
    | \.?(?:netrc|pgpass|htpasswd|npmrc|pypirc)
    | (?:.*[._-])?(?:secrets?|credentials?|passwords?)\.(?:ya?ml|json|toml|ini|cfg|conf|xml|properties|txt))
    """,
    re.VERBOSE,
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
    return "secret" if secret(name, text) else None


def secret(path: PurePath | str, text: str) -> bool:
    """Whether a file is of a kind that holds secrets, by its name, or its text looks like holding one."""
    return bool(_SECRET_NAME.fullmatch(PurePath(path).name) or _SECRET.search(text))


def read(path: Path) -> str | None:
    """Return the text of a file, in UTF-8 or else Latin-1, or None if it is not to be shown."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    if not data or b"\0" in data:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return None if reason_to_skip(path, text) else text
