"""Documents in which nothing is ever suggested: an ignore file covers them, or they hold secrets."""

from pathlib import Path

from cachetools import LRUCache

from slm_lsp.context.sources import secret
from slm_lsp.context.walk import ignored_by_files
from slm_lsp.text.snapshot import Snapshot

HEAD = 200
"""Lines that are looked at for secrets."""


class Ignoring:
    """Remembers of each document whether it is ignored; its text is looked at when it is first asked."""

    def __init__(self) -> None:
        self._known: LRUCache[str, bool] = LRUCache(1000)

    def __call__(self, document: Snapshot) -> bool:
        """Whether nothing may be suggested in a document."""
        known = self._known.get(document.uri)
        if known is None:
            known = self._known[document.uri] = _ignored(document)
        return known

    def forget(self, uri: str) -> None:
        """Look again when the document is opened again."""
        self._known.pop(uri, None)


def _ignored(document: Snapshot) -> bool:
    name = document.path or document.uri.rpartition("/")[2]
    if secret(name, "".join(document.lines[:HEAD])):
        return True
    return document.path is not None and ignored_by_files(Path(document.path))
