"""Where a shared engine listens: at a Unix socket that only its user can open, or a named pipe."""

import hashlib
import os
import secrets
import stat
import sys
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from slm_lsp import network
from slm_lsp.errors import ModelError


@dataclass(frozen=True, slots=True)
class Place:
    """An address in `folder`, which only the user can enter; `name` tells the settings apart."""

    folder: Path
    name: str

    @classmethod
    def of(cls, folder: Path, identity: str) -> "Place":
        """Return the place of the engine that `identity` describes.

        Raises:
            ModelError: others could enter the folder, or its path is too long for a socket.
        """
        found = folder.lstat()
        if sys.platform != "win32" and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077):
            raise ModelError(f"{folder} is open to others; make it yours alone (chmod 700), or remove it.")
        place = cls(folder, hashlib.sha256(identity.encode()).hexdigest()[:12])
        if len(place.address) > 100:
            raise ModelError(f"the path {place.address} is too long for a socket; set SLM_LSP_RUNTIME.")
        return place

    @property
    def address(self) -> str:
        """What is listened at."""
        if sys.platform == "win32":
            return rf"\\.\pipe\slm-lsp-{self.name}"
        return str(self.folder / f"{self.name}.sock")

    @property
    def lock(self) -> Path:
        """The file that is locked while an engine is started."""
        return self.folder / f"{self.name}.lock"

    def connect(self) -> Connection:
        """Connect to the engine.

        Raises:
            OSError: none listens.
        """
        network.allow_path(self.address)
        return Client(self.address, authkey=self._token())

    def listen(self) -> Listener:
        """Listen, in place of one that died.

        Raises:
            OSError: another one listens.
        """
        network.allow_path(self.address)
        if sys.platform == "win32":
            (self.folder / f"{self.name}.token").write_bytes(secrets.token_bytes(32))
            return Listener(self.address, authkey=self._token())
        Path(self.address).unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            return Listener(self.address, backlog=64)
        finally:
            os.umask(before)

    def _token(self) -> bytes | None:
        """Return what a named pipe asks for; a socket is guarded by its mode."""
        return (self.folder / f"{self.name}.token").read_bytes() if sys.platform == "win32" else None
