"""The one place that decides which documents may be completed, and shown in prompts for others.

Files that nobody has open are decided on by the walk through their folder (`slm_lsp.context.walk`) and by
`slm_lsp.context.sources`, from the same ignore files and the same forms of secrets.
"""

from collections.abc import Sequence
from pathlib import PurePath
from threading import Lock

from cachetools import LRUCache

from slm_lsp.context.walk import ignored_by_files
from slm_lsp.secrecy import has_token, secret_name
from slm_lsp.text.document import LineEdit
from slm_lsp.text.snapshot import Snapshot

LOOKED_AT = 1_000_000
"""Characters of a document in which tokens are looked for: what lies behind them is masked where it is shown,
and whoever edits a longer file must not wait for the look."""


class Permissions:
    """Says of each document whether it may be seen: not if an ignore file covers it, or it holds secrets.

    It is remembered until the document's edits may have changed it. Safe to call from any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: LRUCache[str, bool] = LRUCache(1000)

    def known(self, uri: str) -> bool | None:
        """Whether a document may be completed and shown; None if that must be looked up first."""
        with self._lock:
            return self._known.get(uri)

    def __call__(self, document: Snapshot) -> bool:
        """Whether a document may be completed and shown; may read ignore files from the disk."""
        known = self.known(document.uri)
        if known is None:
            known = _may_be_seen(document)
            with self._lock:
                self._known[document.uri] = known
        return known

    def edited(self, uri: str, edits: Sequence[LineEdit]) -> None:
        """Look again if edits brought a token in, or may have taken the last one out."""
        with self._lock:
            known = self._known.get(uri)
        if known is False or (known and any(has_token("".join(edit.inserted)) for edit in edits)):
            self.forget(uri)

    def forget(self, uri: str) -> None:
        """Look again when the document is next asked about."""
        with self._lock:
            self._known.pop(uri, None)

    def clear(self) -> None:
        """Look again at all documents: the ignore files have changed."""
        with self._lock:
            self._known.clear()


def _may_be_seen(document: Snapshot) -> bool:
    if secret_name(document.path or PurePath(document.uri.rpartition("/")[2])):
        return False
    if document.path is not None and ignored_by_files(document.path):
        return False
    return not has_token("".join(document.lines)[:LOOKED_AT])
