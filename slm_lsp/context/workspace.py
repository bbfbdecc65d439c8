"""What a session knows of its code: open buffers, their trees, the last edits, and the index of the files."""

import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock

from tree_sitter import Tree

from slm_lsp.context.buffers import Buffers, Parsed
from slm_lsp.context.definitions import definitions, names_near
from slm_lsp.context.edits import Edit, RecentEdits
from slm_lsp.context.elsewhere import Elsewhere
from slm_lsp.context.index import Index
from slm_lsp.context.index_file import location
from slm_lsp.context.indexer import Indexer, Progress
from slm_lsp.context.languages import comment, relatives
from slm_lsp.context.naming import Scope
from slm_lsp.context.own import pieces
from slm_lsp.context.permissions import Permissions
from slm_lsp.context.similar import similar
from slm_lsp.context.types import Types
from slm_lsp.context.walk import IGNORE_FILES
from slm_lsp.context.walk import Tree as FileTree
from slm_lsp.secrecy import mask
from slm_lsp.text.document import LineEdit
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Found, Part, Snippet

log = logging.getLogger(__name__)

VISITED = 20
"""Files that count as lately visited."""

NEAR = 30
"""Lines around the cursor in which an edit is seen anyway."""


class Workspace:
    """Follows a session, and finds the context of a place in it.

    The methods that tell of the session return at once. `find` and `permitted` work on a thread of
    their own; what is found is what is known by then, and never waits for a parse or for the index.
    """

    def __init__(self) -> None:
        self._buffers, self._edits = Buffers(), RecentEdits()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="slm-context")
        self._lock = Lock()
        self._visited: OrderedDict[Path, None] = OrderedDict()
        self._indexers: dict[Path, Indexer] = {}
        self._trees: dict[Path, FileTree] = {}
        self._versions: dict[str, int] = {}
        self._scope: tuple[object, Scope] | None = None
        self.permissions = Permissions()

    def add_folder(self, root: Path) -> None:
        """Take a folder of the workspace, without an index: paths are shown from there, and rules count."""
        with self._lock:
            self._trees[root] = FileTree(root)

    def index(
        self,
        root: Path,
        folder: Path,
        *,
        watched: bool,
        progress: Progress = lambda done, total, last: None,
    ) -> Indexer | None:
        """Index a folder of the workspace in the background; the index is kept in `folder`."""
        self.add_folder(root)
        file = location(folder, root)
        try:
            indexer = Indexer(
                Index(file, root), file.with_suffix(".lock"), watched=watched, progress=progress
            )
        except (OSError, sqlite3.Error) as error:
            log.warning("the workspace is not indexed: %s can't be opened (%s)", file, error)
            return None
        with self._lock:
            self._indexers[root] = indexer
        indexer.start()
        return indexer

    def remove_folder(self, root: Path) -> None:
        """Let go of a folder of the workspace; waits for its index to be closed."""
        with self._lock:
            indexer = self._indexers.pop(root, None)
            self._trees.pop(root, None)
        if indexer:
            indexer.close()

    def open(self, snapshot: Snapshot) -> None:
        """Take a document that was opened."""
        self._buffers.open(snapshot)
        self._visit(snapshot)

    def edit(self, snapshot: Snapshot, edits: Sequence[LineEdit]) -> None:
        """Take a document as its edits left it."""
        self._buffers.edit(snapshot, edits)
        self._edits.note(snapshot.uri, edits)
        self.permissions.edited(snapshot.uri, edits)
        self._visit(snapshot)

    def close(self, uri: str) -> None:
        """Forget the buffer of a document; its file is what counts again."""
        self._buffers.close(uri)
        self._edits.forget(uri)
        with self._lock:
            self._versions.pop(uri, None)
        self.permissions.forget(uri)

    def changed(self, path: Path) -> None:
        """Take note that a file was made, changed or deleted on disk."""
        with self._lock:
            indexers = [one for root, one in self._indexers.items() if path.is_relative_to(root)]
            if path.name in IGNORE_FILES:
                self.permissions.clear()
                self._trees = {root: FileTree(root) for root in self._trees}
        for indexer in indexers:
            indexer.changed(path)

    def state(self, uri: str) -> object:
        """Return a value that changes when the document is first parsed, or anything else changes."""
        own = self._buffers.get(uri)
        with self._lock:
            generations = tuple(one.generation for one in self._indexers.values())
            versions = tuple(sorted((k, v) for k, v in self._versions.items() if k != uri))
        return generations, versions, own is not None and own.tree is not None

    def roots(self) -> list[Path]:
        """Return the folders of the workspace that are indexed."""
        with self._lock:
            return list(self._indexers)

    def files(self) -> dict[Path, tuple[int, int]]:
        """Return time of change (ns) and size of the files that were indexed, readable or not."""
        with self._lock:
            indexes = [one.index for one in self._indexers.values()]
        return {index.root / name: stamp for index in indexes for name, stamp in index.known().items()}

    def buffers(self) -> list[Snapshot]:
        """Return the open documents that may be shown to the model elsewhere, as they are now."""
        return [one for one in self._buffers.snapshots() if self._may_be_shown(one)]

    def opened(self, uri: str) -> Snapshot | None:
        """Return an open document as it is now."""
        return next((one for one in self._buffers.snapshots() if one.uri == uri), None)

    def find(
        self, document: Snapshot, line: int, called: Sequence[str] = (), kept: Sequence[Snippet] = ()
    ) -> "Future[Found]":
        """Find the context of a line of a document, on which names are `called`; it need not be open.

        What is shown already, `kept`, is looked for as well.
        """
        return self._worker.submit(self._find, document, line, called, kept)

    def permitted(self, document: Snapshot) -> "Future[bool]":
        """Find whether a document may be completed and shown, where `permissions` does not know it yet."""
        return self._worker.submit(self.permissions, document)

    def tree(self, document: Snapshot) -> Tree | None:
        """Return the syntax tree of this very version of a document, if the parser has come that far."""
        own = self._buffers.get(document.uri)
        return own.tree if own and own.snapshot.version == document.version else None

    def defined(self, names: set[str], document: Snapshot) -> set[str]:
        """Return those of some names that other files define which a document's code can use."""
        languages = relatives(document.language)
        found = {
            symbol.name
            for one in self._buffers.parsed()
            if _is_other(one.snapshot, document) and one.snapshot.language in languages
            for symbol in one.outline.symbols
        }
        with self._lock:
            indexes = [one.index for one in self._indexers.values()]
        for index in indexes:
            found |= {one.symbol.name for one in index.definitions(sorted(names - found), languages, 1)}
        return names & found

    def scope(self, document: Snapshot, line: int) -> Scope:
        """Return what may be named in a line of a document; kept as long as only that line's text changes."""
        text, around = document.lines[line], (document.lines[:line], document.lines[line + 1 :])
        indent = len(text) - len(text.lstrip())
        key = document.uri, self.state(document.uri), indent, around
        if self._scope is None or self._scope[0] != key:
            parsed, others, indexes = self._known(document)
            self._scope = key, Scope(Types(parsed, line, Elsewhere(parsed, others, indexes)))
        return self._scope[1]

    def settle(self) -> None:
        """Wait until all that was told so far is known: for the command line, evaluation and tests."""
        self._buffers.settle()
        for indexer in list(self._indexers.values()):
            indexer.wait()

    def shut_down(self) -> None:
        """Stop all work, and let go of the indexes."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        self._buffers.shut_down()
        for root in list(self._indexers):
            self.remove_folder(root)

    def _visit(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._versions[snapshot.uri] = snapshot.version
            if snapshot.path:
                self._visited[snapshot.path] = None
                self._visited.move_to_end(snapshot.path)
                while len(self._visited) > VISITED:
                    self._visited.popitem(last=False)

    def _find(self, document: Snapshot, line: int, called: Sequence[str], kept: Sequence[Snippet]) -> Found:
        parsed, others, indexes = self._known(document)
        with self._lock:
            visited = [path for path in reversed(self._visited) if path != document.path]
        current = [one for one in self.buffers() if _is_other(one, document)]
        found: list[Snippet] = []
        names = names_near(parsed, document.lines, line, called, [one.name for one in kept])
        imported = {name for one in parsed.outline.imports for name in one.names}
        ours = self.defined(imported, document)
        parts: tuple[Callable[[], list[Snippet]], ...] = (
            lambda: definitions(parsed, names, Elsewhere(parsed, others, indexes), self._shown),
            lambda: similar(
                document, line, called, {one.key for one in kept}, current, visited, indexes, self._shown
            ),
            lambda: self._edited(document, line, current),
        )
        for part in parts:
            try:
                found += part()
            except sqlite3.DatabaseError as error:
                log.warning("the index could not be asked: %s", error)
                for indexer in list(self._indexers.values()):
                    indexer.failed(error)
            except Exception:
                # One part less is a worse suggestion; none is no suggestion.
                log.exception("a part of the context could not be found")
        root = self._root(document.path)
        return Found(
            path=self._shown(document.path) if document.path else "",
            marks=comment(document.language) or ("#", ""),
            repository=root.name if root else "",
            pieces=tuple(replace(one, text=mask(one.text)) for one in pieces(parsed, line, ours)),
            snippets=tuple(replace(one, text=mask(one.text)) for one in found),
        )

    def _known(self, document: Snapshot) -> tuple[Parsed, list[Parsed], list[Index]]:
        """Return a document as it was parsed last, the other open ones that may be shown, and the indexes."""
        others = [
            one
            for one in self._buffers.parsed()
            if _is_other(one.snapshot, document) and self._may_be_shown(one.snapshot)
        ]
        with self._lock:
            indexes = [one.index for one in self._indexers.values()]
        return self._buffers.get(document.uri) or Parsed.of(document), others, indexes

    def _edited(self, document: Snapshot, line: int, others: Sequence[Snapshot]) -> list[Snippet]:
        found = []
        texts = {one.uri: one for one in (*others, document)}
        for age, edit in enumerate(self._edits.latest(list(texts.values()))):
            if edit.uri == document.uri and abs(edit.first - line) < NEAR:
                continue
            found.append(self._edit_snippet(edit, texts[edit.uri], age))
        return found

    def _edit_snippet(self, edit: Edit, document: Snapshot, age: int) -> Snippet:
        path = self._shown(document.path) if document.path else ""
        lines = [f"-{line.rstrip()}" for line in edit.removed] + [
            f"+{line.rstrip()}" for line in edit.inserted
        ]
        return Snippet(
            Part.EDITS,
            path,
            comment(document.language) or ("#", ""),
            f"{path}:{'|'.join(edit.removed)}",
            "\n".join(lines),
            1 / (1 + age),
            "open buffer",
        )

    def _may_be_shown(self, snapshot: Snapshot) -> bool:
        """Whether an open buffer may be context for others; what no walk through its folder finds may not."""
        path = snapshot.path
        with self._lock:
            trees = [tree for root, tree in self._trees.items() if path and path.is_relative_to(root)]
        return self.permissions(snapshot) and all(tree.has(path) for tree in trees if path)

    def _root(self, path: Path | None) -> Path | None:
        with self._lock:
            roots = [root for root in self._trees if path and path.is_relative_to(root)]
        return max(roots, key=lambda root: len(root.parts), default=None)

    def _shown(self, path: Path) -> str:
        root = self._root(path)
        return path.relative_to(root).as_posix() if root else path.name


def _is_other(one: Snapshot, document: Snapshot) -> bool:
    """Whether an open buffer is another file; the cells of a notebook are all of one."""
    return one.uri != document.uri and (one.path is None or one.path != document.path)
