"""Asking a model that was taught to answer, not to fill in: an instruction, and an answer that has begun.

The hole stands at the cursor's line, which itself begins the answer, inside a code fence: the model goes on
in mid-line as any other does, nothing need be said before the code, and typing within a line leaves what
the engine has read of the message as it is.
"""

import re

from slm_lsp.tokens.chat import Chat
from slm_lsp.tokens.healing import Healed, split
from slm_lsp.tokens.vocabulary import Vocabulary

HOLE = "<HOLE>"
FENCE = "```"

_INSTRUCTION = (
    f"Code is missing at {HOLE} in the file below. "
    "Write only what belongs there, and repeat nothing that follows it.\n\n"
)
_OPENING = re.compile(r"\s*(?:[^\n`]{0,200}:\s*\n+)?\s*```[\w+#.-]*\n")
"""What a model may say before its code: a sentence, and the fence."""

_CLOSING = re.compile(rf"^\s*{FENCE}", re.MULTILINE)

_TELLING = 3
"""Characters of a line from which its coming again is no chance."""


def render(
    chat: Chat, vocabulary: Vocabulary, ahead: str, window: str, rest: str, heal: bool
) -> tuple[list[int], Healed]:
    """Return the prompt's ids, and its end as it was healed.

    `window` is the prefix, `rest` the suffix; `ahead` is shown above the file.
    """
    head, newline, line = window.rpartition("\n")
    text = f"{_INSTRUCTION}{FENCE}\n{ahead}{head}{newline}{HOLE}{rest}\n{FENCE}"
    message = [*chat.before, *vocabulary.encode(text), *chat.after]
    begun = f"{FENCE}\n{line}"
    healed = split(begun, vocabulary) if heal else Healed(vocabulary.encode(begun), "", 0)
    return message + healed.ids, healed


def code(text: str, line: str, *, final: bool) -> tuple[str, bool]:
    """Return the code of an answer that `line` was the beginning of, and whether it is closed by a fence.

    A second fence goes, with what is said before it, and so does the line if it is written again. Unless the
    answer is `final`, what may yet turn out to be such a beginning is held back.
    """
    if opening := _OPENING.match(text):
        text = text[opening.end() :]
    elif not final and text.strip() and FENCE.startswith(text.strip()):
        return "", False
    end = _CLOSING.search(text)
    if end:
        text, final = text[: end.start()].removesuffix("\n"), True
    begun, again = line.strip(), text.lstrip()
    if len(begun) >= _TELLING:
        if again.startswith(begun):
            return again[len(begun) :], bool(end)
        if not final and again and begun.startswith(again):
            return "", False
    return text, bool(end)
