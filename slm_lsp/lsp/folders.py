"""The folders of the workspace: indexed in the background, and followed as their files change."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from slm_lsp.completion.kept import sweep
from slm_lsp.config import SECTION
from slm_lsp.errors import SlmLspError
from slm_lsp.lsp.progress import News, WorkProgress
from slm_lsp.lsp.uris import to_path
from slm_lsp.paths import index_dir

if TYPE_CHECKING:
    from slm_lsp.lsp.session import Server

log = logging.getLogger(__name__)


class Folders:
    """Follows the folders of one session; the event loop alone touches it, and no work is done there."""

    def __init__(self, server: "Server") -> None:
        self._server, self._progress = server, WorkProgress(server)
        self._watched = False

    async def start(self) -> None:
        """Take the folders that the session began with, and be told of changed files from now on."""
        workspace = self._server.workspace
        uris = list(workspace.folders) or [workspace.root_uri or ""]
        if self._server.configuration.settings.index and self._server.client.watched_files:
            self._watched = await self._register()
        await self.add(uris)
        if folder := self._server.service.contexts.memory.folder:
            await asyncio.to_thread(sweep, folder)

    @property
    def roots(self) -> list[Path]:
        """The folders of the workspace that are on this machine."""
        workspace = self._server.workspace
        return _roots(list(workspace.folders) or [workspace.root_uri or ""])

    async def add(self, uris: Iterable[str]) -> None:
        """Take folders, and index them unless the settings forbid it."""
        for root in _roots(uris):
            await asyncio.to_thread(self._add, root, asyncio.get_running_loop())

    async def remove(self, uris: Iterable[str]) -> None:
        """Let go of folders."""
        for root in _roots(uris):
            await asyncio.to_thread(self._server.service.contexts.workspace.remove_folder, root)

    def _add(self, root: Path, loop: asyncio.AbstractEventLoop) -> None:
        workspace = self._server.service.contexts.workspace
        if not self._server.configuration.settings.index or Path.home().is_relative_to(root):
            # Who opens the home folder does not mean everything in it.
            workspace.add_folder(root)
            return
        try:
            folder = index_dir()
        except SlmLspError as error:
            log.warning("%s", error)
            workspace.add_folder(root)
            return

        self._server.service.contexts.memory.folder = folder

        def told(done: int, total: int, last: bool) -> None:
            news = News(f"indexing {root.name}: {done} of {total} files", done / max(total, 1), last)
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._progress.announce, news)

        workspace.index(root, folder, watched=self._watched, progress=told)

    async def _register(self) -> bool:
        """Ask the client to tell of changed files; returns whether it will."""
        options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*")])
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = types.Registration(id=f"{SECTION}.files", method=method, register_options=options)
        try:
            await self._server.client_register_capability_async(types.RegistrationParams([registration]))
        except JsonRpcException as error:
            log.warning("the editor will not tell of changed files: %s", error)
            return False
        return True


def _roots(uris: Iterable[str]) -> list[Path]:
    """Return the folders that URIs name, as far as they are on this machine."""
    paths = [to_path(uri) for uri in uris if uri.startswith("file:")]
    return [path for path in paths if path]
