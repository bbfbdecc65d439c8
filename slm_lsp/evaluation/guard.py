"""Runs one program under limits: a script for a process of its own, started by `slm_lsp.evaluation.sandbox`.

Reads the program from standard input and ends with an exit code of `CODES`. The limits of the system come
first; where it grants none, an audit hook (PEP 578) still refuses processes, sockets and writing elsewhere.
Both are for the accidents of generated code, not for an attacker.
"""

import os
import sys

CODES = {"passed": 80, "wrong": 81, "raised": 82, "syntax": 83, "memory": 84, "refused": 85}
"""Exit codes by verdict: none that a program would end with by chance."""

FILE_BYTES = 1_000_000
"""The largest file that the program may write."""

OPEN_FILES = 32

_EVENTS = (
    *("socket.", "ctypes.", "subprocess.", "shutil.", "signal.pthread_kill"),
    *("os.fork", "os.posix_spawn", "os.exec", "os.system", "os.kill", "os.remove", "os.rename", "os.rmdir"),
    *("os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate"),
)
_MODULES = ("_socket", "_ctypes", "_posixsubprocess")
"""What is refused by name: beginnings of audit events, and modules that would get round them."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
"""From ``linux/sched.h``; Python has the call since 3.12 only."""


class RefusedError(PermissionError):
    """The program asked for something that no task needs."""


def main() -> None:
    """Limit this process, run the program, and end with the verdict."""
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    source = sys.stdin.read()
    _limit(seconds, memory)
    _leave_network()
    _watch(os.path.realpath("."))
    os._exit(CODES[_verdict(source)])


def _verdict(source: str) -> str:
    try:
        code = compile(source, "<program>", "exec")
    except (SyntaxError, ValueError):
        return "syntax"
    except (MemoryError, RecursionError):
        return "memory"
    try:
        exec(code, {"__name__": "__main__"})
    except AssertionError:
        return "wrong"
    except MemoryError:
        return "memory"
    except RefusedError:
        return "refused"
    except BaseException:  # `sys.exit()` before the test is no pass either
        return "raised"
    return "passed"


def _limit(seconds: int, memory: int) -> None:
    """Set limits on CPU seconds, address space in bytes, processes (all users but root), and files."""
    import resource

    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):  # macOS knows RLIMIT_AS and takes no value for it
            continue


def _leave_network() -> None:
    """Move to a network namespace with nothing in it, where the system allows it."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _watch(folder: str) -> None:
    """Refuse, from now on and for good, what no task needs."""
    for name in list(sys.modules):
        if name in _MODULES or name.partition(".")[0] == "ctypes":
            del sys.modules[name]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "import":
            if arguments[0] in _MODULES:
                raise RefusedError(event)
        elif event == "open":
            # Arguments: path or descriptor, mode, flags.
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if writes and not (isinstance(path, str) and _within(path, folder)):
                raise RefusedError(event)
        elif event.startswith(_EVENTS):
            raise RefusedError(event)

    sys.addaudithook(hook)


def _within(path: str, folder: str) -> bool:
    return os.path.commonpath((os.path.realpath(path), folder)) == folder


if __name__ == "__main__":
    main()
