"""A real Neovim with the plugin and the real server: keys go in, and what is on its screen comes out."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.editors.neovim.screen import Frame, Screen, connected

ROOT = Path(__file__).parents[3]

PATIENCE = 120.0
"""Seconds that a busy machine has for anything."""


class Neovim:
    """Runs Neovim with `init` as its ``init.lua``, in `folder`, on the file `path`.

    Its settings, data and state are in `folder` as well: nothing of the user's is read.
    """

    def __init__(self, parts: Path, folder: Path, init: str, path: Path) -> None:
        import pynvim  # only `.ci/editors` installs it

        configuration = folder / "nvim" / "init.lua"
        configuration.parent.mkdir(exist_ok=True)
        configuration.write_text(init, encoding="utf-8")
        socket = folder / "socket"
        homes = {f"XDG_{name}_HOME": str(folder) for name in ("CONFIG", "DATA", "STATE")}
        command: list[str | Path] = [
            parts / "nvim",
            "--headless",
            "-n",
            *("-i", "NONE"),
            *("--listen", socket),
            path,
        ]
        self._process = subprocess.Popen(
            command, env={**os.environ, **homes}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.screen = Screen(self._wait(lambda: connected(socket)))
        self.nvim = pynvim.attach("socket", path=str(socket))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(EOFError):
            self.nvim.command("qall!")
        try:
            self._process.wait(timeout=PATIENCE)
        finally:
            self._process.kill()
        self.screen.close()
        self.nvim.close()

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until a condition holds, and return what it returned."""
        try:
            return self._wait(holds)
        except TimeoutError:
            why = self.command("slm-lsp.why", self.lua("return vim.uri_from_bufnr(0)"))
            screen = self.screen.frames[-1].text
            raise TimeoutError(f"not in time; on the screen:\n{screen}\nlast answered: {why}") from None

    @staticmethod
    def _wait(holds: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (value := holds()):
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.02)
        return value

    def keys(self, keys: str) -> int:
        """Press keys, in Neovim's notation; returns the number of the next frame."""
        frames = len(self.screen.frames)
        self.nvim.input(keys)
        return frames

    def sees(self, text: str) -> Frame:
        """Wait until a text is on the screen, and return the last frame."""
        now = max(0, len(self.screen.frames) - 1)
        self.screen.wait(lambda frame: text in frame.text, now, PATIENCE)
        return self.screen.frames[-1]

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua in it and return what that returns."""
        return self.nvim.exec_lua(code, *arguments)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function of the plugin."""
        return self.lua(f"return require('slm_lsp').{function}(...)", *arguments)

    def command(self, command: str, *arguments: Any) -> Any:
        """Let the server run a command, and return its answer."""
        code = """
            local client = vim.lsp.get_clients({ name = 'slm-lsp' })[1]
            local params = { command = select(1, ...), arguments = { select(2, ...) } }
            local answer = client and client:request_sync('workspace/executeCommand', params, 60000)
            return answer and answer.result
        """
        return self.lua(code, command, *arguments)

    def ready(self) -> None:
        """Wait until the server has loaded its model."""
        self.until(lambda: (self.command("slm-lsp.status") or {}).get("state") == "ready")

    @property
    def lines(self) -> list[str]:
        """The current buffer."""
        return list(self.nvim.current.buffer[:])

    @property
    def ghost(self) -> str:
        """What is drawn as a suggestion: pieces in the line joined by a space, then the lines below."""
        code = """
            local namespace = vim.api.nvim_get_namespaces().slm_lsp
            local inline, below = {}, {}
            for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
              inline[#inline + 1] = mark[4].virt_text[1][1]
              for _, line in ipairs(mark[4].virt_lines or {}) do
                below[#below + 1] = line[1][1]
              end
            end
            return table.concat({ table.concat(inline, ' '), unpack(below) }, '\\n')
        """
        return str(self.lua(code))

    def shown(self) -> str:
        """Wait until a suggestion is on the screen, and return it."""
        return str(self.until(lambda: self.ghost))

    def again(self) -> str:
        """Begin anew at the line's end, and return what is suggested there once the server has answered."""
        answered = """
            local completor = require('slm_lsp.completor').of()
            return completor and completor.slm_seen and next(completor.slm_pending) == nil
        """
        self.keys("<Esc>")
        self.until(lambda: self.nvim.api.get_mode()["mode"] == "n")  # which forgets what was asked
        self.keys("A")
        self.until(lambda: self.lua(answered))
        return self.ghost

    def kill_server(self) -> None:
        """End the server the hard way."""
        for process in psutil.Process(self.nvim.call("getpid")).children():
            os.kill(process.pid, signal.SIGKILL)
