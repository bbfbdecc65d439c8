"""Refuses the network to this process, but for the addresses that the user's own settings name.

`guard` installs an audit hook (PEP 578) that nothing can take out again. It sees what is done from Python,
whatever library does it: https://docs.python.org/3/library/audit_events.html. Machine code that calls the
system by itself is not seen by it; what that does is shown by ``slm-lsp doctor --prove-private``.

Nothing is imported here that isn't there when Python starts, so that this can come first.
"""

import os
import sys

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""What tells the hub's libraries not to try."""

_ADDRESSED = frozenset(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"))
"""Events whose arguments are a socket and an address."""

_LOOKED_UP = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"))
"""Events whose first argument is a name."""

_NEVER = frozenset(
    (
        *("socket.getnameinfo", "urllib.Request", "ftplib.connect", "smtplib.connect", "poplib.connect"),
        *("imaplib.open", "nntplib.connect", "telnetlib.Telnet.open", "webbrowser.open"),
    )
)
"""Events of what no setting asks for."""

_UNIX, _BY_DESCRIPTOR = 1, -1
"""Families of sockets that stay on the machine, and of those that exist already."""


class NetworkRefused(PermissionError):
    """Something asked for a connection, a listener or a name that no setting names."""


_addresses: dict[tuple[str, int], int] = {}
_paths: set[str] = set()
_resolved: dict[str, set[str]] = {}
_refused: dict[str, int] = {}
_guarded = False


def guard() -> None:
    """Refuse the network from now on and for good, and set the hub's libraries offline."""
    global _guarded
    os.environ.update(OFFLINE)
    if not _guarded:
        _guarded = True
        sys.addaudithook(_hook)


def allow(host: str, port: int) -> None:
    """Let this process listen at, or connect to, an address that the user's settings name."""
    _addresses[host, port] = _addresses.get((host, port), 0) + 1


def withdraw(host: str, port: int) -> None:
    """Refuse an address again, once it has been withdrawn as often as it was allowed."""
    _addresses[host, port] = _addresses.get((host, port), 1) - 1
    if not _addresses[host, port]:
        del _addresses[host, port]


def allow_path(path: str | os.PathLike[str]) -> None:
    """Let this process listen at, or connect to, a Unix socket."""
    _paths.add(os.fspath(path))


def allowed() -> list[str]:
    """Return the addresses and paths that are let through."""
    return sorted([*(f"{host}:{port}" for host, port in _addresses), *_paths])


def refused() -> dict[str, int]:
    """Return how often each audit event was refused."""
    return dict(_refused)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    # Called for every event of the process, thousands of them imports and opened files.
    if event.startswith("socket."):
        refuse = not _let_through(event, arguments)
    elif event == "http.client.connect":
        refuse = tuple(arguments[1:3]) not in _addresses
    else:
        refuse = event in _NEVER
    if refuse:
        _refused[event] = _refused.get(event, 0) + 1
        raise NetworkRefused(f"slm-lsp goes nowhere that its settings don't name ({event} was refused)")


def _let_through(event: str, arguments: tuple[object, ...]) -> bool:
    if event in _ADDRESSED:
        address = arguments[1]
        # A message without an address goes to where its socket is connected.
        return address is None or _is_named(address) or _is_own_pair()
    if event in _LOOKED_UP:
        return any(arguments[0] in (host, host.encode()) for host, _ in list(_addresses))
    if event == "socket.__new__":
        return arguments[1] in (_UNIX, _BY_DESCRIPTOR) or bool(_addresses) or _is_own_pair()
    return event not in _NEVER


def _is_named(address: object) -> bool:
    if isinstance(address, str | bytes):
        return os.fsdecode(address) in _paths
    if not isinstance(address, tuple) or len(address) < 2:
        return False
    host, port = str(address[0]), address[1]
    return any(port == named[1] and _is_host(host, named[0]) for named in list(_addresses))


def _is_host(number: str, name: str) -> bool:
    """Whether an address in numbers belongs to a named host; it is looked up again if it did not before."""
    if number == name or number in _resolved.get(name, ()):
        return True
    import socket

    try:
        _resolved[name] = {str(found[4][0]) for found in socket.getaddrinfo(name, None)}
    except OSError:
        return False
    return number in _resolved[name]


def _is_own_pair() -> bool:
    """Whether Python makes a pair of sockets to talk to itself, which Windows has no call for."""
    if sys.platform != "win32":
        return False
    caller = sys._getframe(3).f_code
    return caller.co_filename == sys.modules["socket"].__file__ and caller.co_name.endswith("socketpair")
