"""The workspace's memory: kept in step with files and buffers in the background, and asked at a place."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock, get_native_id

import numpy as np

from slm_lsp.completion.following import Follower, stem
from slm_lsp.completion.learning import Kept, Learner
from slm_lsp.context.workspace import Workspace
from slm_lsp.memory.encoding import Encoder
from slm_lsp.memory.lookup import Source
from slm_lsp.memory.recall import Recall
from slm_lsp.memory.segment import Segment
from slm_lsp.memory.weights import Weights
from slm_lsp.secrecy import mask_around
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary

log = logging.getLogger(__name__)

NICENESS = 15
"""Of the thread that reads the files, where threads have one (Linux)."""

VOCABULARIES = 2
"""Vocabularies in whose tokens is remembered at once: a model's, and a larger one's beside it."""

LEARNED_OFTEN = 20
"""Times that something is learned before that is written to disk."""

BEFORE, AFTER = 60_000, 20_000
"""Characters of the file itself around the cursor that are remembered."""


class WorkspaceMemory:
    """Remembers the files of a workspace in the tokens of a vocabulary, or of two.

    `folder` is where that is kept from one session to the next; None keeps nothing. `at` is for the engine's
    thread; everything else happens on a thread of its own, which gives way to all others.
    """

    def __init__(self, workspace: Workspace, folder: Path | None = None) -> None:
        self.folder = folder
        self._workspace = workspace
        self._worker = ThreadPoolExecutor(1, "slm-memory", initializer=_give_way)
        self._lock, self._ended = Lock(), Event()
        self._followers: dict[Vocabulary, tuple[Follower, Encoder, Learner]] = {}
        self._seen: object = None

    def at(
        self,
        vocabulary: Vocabulary,
        document: Snapshot,
        before: str,
        after: str,
        last: Sequence[int],
        limit: int,
        noted: tuple[int, int, int] | None = None,
    ) -> Recall:
        """Return what is remembered of a place in a document, with the text `before` and `after` it.

        `last` are the ids that the prompt's text ends with. Sees to it that files which changed are read
        anew, soon. At most `limit` megabytes are remembered. If `noted` are the row and the column where
        that text ends, and the column of the cursor, it is learned from what is typed there.
        """
        follower, encoder, learner = self._followed(vocabulary, limit)
        learner.look(self._workspace.opened(document.uri))
        if learner.unsaved >= LEARNED_OFTEN:
            learner.unsaved = 0
            self._soon(learner.save)
        seen = follower, self._workspace.state(document.uri)
        if seen != self._seen:
            self._seen = seen
            self._soon(lambda: self._follow(follower))
        before, after = mask_around(before, after, (BEFORE, AFTER))
        own = Segment.build(
            {"before": encoder.again(before[-BEFORE:]), "after": encoder.again(after[:AFTER])},
            vocabulary.size,
        )
        return Recall(
            last,
            follower.sources(document),
            [Source(own, np.ones(2))],
            Weights.for_language(document.language, learner.louder),
            vocabulary.size,
            learner.at(document, *noted) if noted else None,
        )

    def settle(self, vocabulary: Vocabulary, limit: int) -> None:
        """Wait until all files as they are now are remembered: for the command line, evaluation and tests."""
        follower, *_ = self._followed(vocabulary, limit)
        self._worker.submit(self._follow, follower).result()

    def shut_down(self) -> None:
        """Stop reading files."""
        self._ended.set()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _soon(self, work: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the session ends
            self._worker.submit(work)

    def _kept(self) -> Kept | None:
        roots = self._workspace.roots()
        return Kept(self.folder / f"{stem(roots)}.learned", roots) if self.folder and roots else None

    def _followed(self, vocabulary: Vocabulary, limit: int) -> tuple[Follower, Encoder, Learner]:
        """Return the memory in a vocabulary's tokens, what makes these of the file at hand, and learns."""
        with self._lock:
            if vocabulary not in self._followers:
                while len(self._followers) >= VOCABULARIES:
                    del self._followers[next(iter(self._followers))]
                follower = Follower(self._workspace, vocabulary, lambda: self.folder, self._ended)
                learner = Learner(vocabulary, self._kept)
                self._followers[vocabulary] = follower, Encoder(vocabulary), learner
            found = self._followers[vocabulary]
            found[0].limit = limit
            return found

    def _follow(self, follower: Follower) -> None:
        try:
            follower.follow()
        except Exception:
            if not self._ended.is_set():
                log.exception("the workspace's memory could not be brought up to date")


def _give_way() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)
