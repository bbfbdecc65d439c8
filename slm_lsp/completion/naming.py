"""The names that may stand where a text goes on, as the engine is told of them: in tokens."""

from collections.abc import Mapping, Sequence

from slm_lsp.context.naming import Allowed, Kind, Scope
from slm_lsp.engine.interface import Raised
from slm_lsp.tokens.naming import Naming
from slm_lsp.tokens.vocabulary import Vocabulary

REACH = 3000
"""Characters before the cursor in which it is looked for what variables are."""

BONUS: Mapping[tuple[Kind, bool], float] = {
    (Kind.OWN, True): 4.0,
    (Kind.OWN, False): 3.0,
    (Kind.MEMBER, True): 4.0,
    (Kind.MEMBER, False): 2.0,
    (Kind.IMPORT, False): 4.0,
    (Kind.KEYWORD, False): 1.5,
}
"""Nats by which the names of each kind are raised, by whether there are no others.

Fitted to code that the model can't know: what makes its tokens likeliest there, and no more than 4.
"""


class KnownNames:
    """The names at one place, behind the text `before`; see `slm_lsp.engine.interface.Names`.

    The engine writes `tail`, the end of that text, again. Not thread-safe.
    """

    def __init__(self, scope: Scope, vocabulary: Vocabulary, naming: Naming, before: str, tail: str) -> None:
        self._scope, self._vocabulary, self._naming = scope, vocabulary, naming
        self._before, self._tail = before[-REACH:], tail.encode()

    @property
    def first(self) -> Allowed | None:
        """What may be named at the cursor."""
        return self._scope.allowed(self._before)

    @staticmethod
    def bonus(one: Allowed) -> float:
        """Return by how many nats names are raised."""
        return BONUS[one.kind, one.whole]

    @property
    def said(self) -> str:
        """What may be named at the cursor, in words."""
        one = self.first
        return f"{len(one.names)} {one.kind.value}" if one else "nothing known at the cursor"

    def raised(self, written: Sequence[int]) -> Raised | None:
        """See `slm_lsp.engine.interface.Names.raised`."""
        text = b"".join(map(self._vocabulary.token_bytes, written))
        pending = self._tail[len(text) :]
        if not self._tail.startswith(text[: len(self._tail)]):
            return None
        seen = self._before + text[len(self._tail) :].decode(errors="replace")
        if not (one := self._scope.allowed(seen)):
            return None
        if not (one.begun or pending or seen.endswith((".", ">", ":"))):
            return None  # in most vocabularies a name begins with the space before it
        ids = self._naming.leading(one.names, one.begun, pending)
        return None if ids is None else Raised(ids, self.bonus(one))
