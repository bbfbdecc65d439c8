"""The context of a request, within its time, and what was shown before: the prompt's beginning must stay.

Context stands in front of the text at the cursor, which must be read anew when the context changes. While the
user types on, what was found for a line serves the next few as well; once the cursor rests and the engine has
nothing to do, it reads what was found for the new line, and requests go on from there.
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from weakref import WeakKeyDictionary

from slm_lsp.completion.naming import KnownNames
from slm_lsp.completion.remembering import WorkspaceMemory
from slm_lsp.context.workspace import Workspace
from slm_lsp.prompt.context import Context
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Found, Part, Snippet
from slm_lsp.tokens.naming import Naming
from slm_lsp.tokens.vocabulary import Vocabulary

log = logging.getLogger(__name__)

LINES_SERVED = 3
"""Lines above and below for which what was found for a line serves too."""

DOCUMENTS_KEPT = 50
"""Documents whose last context is remembered."""

ALL_PARTS = frozenset(Part)

_CLOSED = re.compile(r"""[)\]}>"'`]{1,4}""")
"""What editors put behind the cursor when a bracket or a quote is typed."""


_Key = tuple[int, tuple[str, ...], object]
"""What a context was found for: a line, what was called on it, and the state of the workspace."""


@dataclass(slots=True)
class _State:
    """What was found for a line of a document, what came of it, and what was shown from after the cursor."""

    key: _Key | None = None
    found: Found = field(default_factory=Found)
    shown: tuple[Snippet, ...] = ()
    after: str | None = None


class Contexts:
    """Finds the context of requests, and keeps it while the cursor stays on its line.

    Safe to call from any thread.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.memory = workspace, WorkspaceMemory(workspace)
        self._lock = Lock()
        self._namings: WeakKeyDictionary[Vocabulary, Naming] = WeakKeyDictionary()
        self._states: OrderedDict[str, _State] = OrderedDict()

    def gather(
        self,
        document: Snapshot,
        line: int,
        *,
        called: tuple[str, ...] = (),
        tokens: int,
        time_limit: float,
        rested: bool = True,
        parts: frozenset[Part] = ALL_PARTS,
    ) -> tuple[Context, str]:
        """Return the context of a line on which names are `called`, and in words where it is from.

        What is not found within `time_limit` ms is left out, and is there for the next request: until then
        the context that was found last is used. Where the cursor has not `rested`, that of a near line is.
        """
        uri = document.uri
        key = (line, called, self.workspace.state(uri))
        state = self._state(uri)
        said = "kept from the last request"
        if state.key and state.key != key and not rested and abs(line - state.key[0]) <= LINES_SERVED:
            said = "kept until the cursor rests"
        elif state.key != key:
            future = self.workspace.find(document, line, called, state.shown)
            try:
                self._take(uri, key, future.result(time_limit / 1e3))
                said = "found"
            except TimeoutError:
                said = f"left out: not found within {time_limit:.0f} ms, and ready for the next request"
                if state.key is not None:
                    said = f"that of the last request: nothing newer within {time_limit:.0f} ms"
                future.add_done_callback(lambda done: self._late(uri, key, done))
            except CancelledError:
                said = "left out: the session ends"
            except Exception:
                # A suggestion without context is better than none.
                log.exception("the context could not be found")
                said = "left out: it could not be found; see the log"
        found = _only(state.found, parts)
        return Context(found, line, tokens, state.shown), said

    def names(
        self, vocabulary: Vocabulary, document: Snapshot, line: int, before: str, tail: str
    ) -> KnownNames:
        """Return what may be named in a line of a document, after `before` whose end `tail` is written again.

        For the engine's thread.
        """
        naming = self._namings.get(vocabulary) or Naming(vocabulary)
        self._namings[vocabulary] = naming
        return KnownNames(self.workspace.scope(document, line), vocabulary, naming, before, tail)

    def shown(self, uri: str, snippets: tuple[Snippet, ...]) -> None:
        """Take note of the snippets that a document's last prompt showed, in their order."""
        self._state(uri).shown = snippets

    def suffix(self, uri: str, after: str) -> str:
        """Return what to show from after the cursor where it stands at the prompt's beginning: `after`, or
        what was shown last if nothing but closing brackets and quotes have come before it since.

        An editor closes what is opened, and the prompt would have to be read anew for a bracket.
        """  # fmt: skip
        state = self._state(uri)
        closed = _CLOSED.match(after)
        if not closed or all(after[count:] != state.after for count in range(1, closed.end() + 1)):
            state.after = after
        return state.after or ""

    @contextmanager
    def trial(self, uri: str) -> Iterator[None]:
        """Take back what was found and shown for a document in the meantime if anything is raised."""
        before = replace(self._state(uri))
        try:
            yield
        except BaseException:
            with self._lock:
                self._states[uri] = before
            raise

    def forget(self, uri: str) -> None:
        """Forget what was shown for a document."""
        with self._lock:
            self._states.pop(uri, None)

    def clear(self) -> None:
        """Forget what was shown for all documents."""
        with self._lock:
            self._states.clear()

    def shut_down(self) -> None:
        """Stop all work, and let go of the workspace."""
        self.memory.shut_down()
        self.workspace.shut_down()

    def _state(self, uri: str) -> _State:
        with self._lock:
            state = self._states.setdefault(uri, _State())
            self._states.move_to_end(uri)
            while len(self._states) > DOCUMENTS_KEPT:
                self._states.popitem(last=False)
            return state

    def _take(self, uri: str, key: _Key, found: Found) -> None:
        state = self._state(uri)
        state.found = found  # first: whoever sees the key takes it for the key's
        state.key = key

    def _late(self, uri: str, key: _Key, done: "Future[Found]") -> None:
        if done.cancelled():
            return
        if error := done.exception():
            log.error("the context could not be found", exc_info=error)
        else:
            self._take(uri, key, done.result())


def _only(found: Found, parts: frozenset[Part]) -> Found:
    """Leave out what is switched off."""
    if parts == ALL_PARTS:
        return found
    if Part.FILE not in parts:
        found = replace(found, pieces=(), path="")
    return replace(found, snippets=tuple(one for one in found.snippets if one.part in parts))
