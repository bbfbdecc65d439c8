"""Running what a model has written: in a process of its own, under limits, and never with a network.

What each limit is and where it does not hold: `slm_lsp.evaluation.guard`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from enum import Enum
from pathlib import Path

from slm_lsp.errors import SlmLspError
from slm_lsp.evaluation.guard import CODES

CPU_SECONDS = 5
"""Time on the CPU, so that a busy machine changes no verdict; the slowest reference needs less than one."""

WALL_SECONDS = 30
"""For programs that wait without using the CPU."""

MEMORY = 512_000_000
"""Bytes of address space."""

_GUARD = Path(__file__).with_name("guard.py")


class Verdict(Enum):
    """How a program ended."""

    PASSED = "passed"
    WRONG = "wrong"
    RAISED = "raised"
    SYNTAX = "syntax"
    MEMORY = "memory"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    CRASHED = "crashed"


_BY_CODE = {code: Verdict(name) for name, code in CODES.items()}


def check() -> None:
    """Make sure that programs can be limited on this system.

    Raises:
        SlmLspError: they can't.
    """
    if sys.platform == "win32":
        raise SlmLspError(
            "programs that a model has written are run only under limits that Windows does not offer; "
            "use Linux, macOS or WSL for this evaluation."
        )


def run(program: str, cpu_seconds: int = CPU_SECONDS, wall_seconds: float = WALL_SECONDS) -> Verdict:
    """Run a program to its end or to its limits, in an empty folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="slm-lsp-eval-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            # No site packages, nothing imported from the folder, and the same order of sets in every run.
            (sys.executable, "-S", "-s", "-P", "-B", str(_GUARD), str(cpu_seconds), str(MEMORY)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        try:
            process.communicate(program.encode(errors="replace"), timeout=wall_seconds)
        except subprocess.TimeoutExpired:
            return Verdict.TIMEOUT
        finally:
            _end(process)
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return Verdict.TIMEOUT
    return _BY_CODE.get(process.returncode, Verdict.CRASHED)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it left in its session's group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
