"""What a process and its children asked the system for, as strace saw it: https://strace.io."""

import re
import shutil
import sys
from collections import Counter
from pathlib import Path

_CALL = re.compile(
    r"^(?:\d+\s+)?(?P<name>[a-z]\w*)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+)(?: (?P<error>E\w+))?"
)
_UNFINISHED = re.compile(r"^(?P<pid>\d+)\s+(?P<head>.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<pid>\d+)\s+<\.\.\. \w+ resumed>(?P<tail>.*)$")
_FAMILY = re.compile(r"\bAF_\w+")
_ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"|sun_path=@?"([^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")

LOCAL = frozenset(("AF_UNIX", "AF_LOCAL"))
"""Families whose sockets stay on this machine, within one system."""


def command(output: Path) -> tuple[str, ...]:
    """Return what runs a command under strace, writing what it sees to a file; empty without strace."""
    found = shutil.which("strace") if sys.platform == "linux" else None
    return (found, "-f", "-e", "trace=network", "-o", str(output)) if found else ()


def calls(output: Path) -> Counter[tuple[str, str, bool]]:
    """Count the network calls in a file of strace's: by what was called, what came of it, and if it is local.

    Calls of no family (such as of an open descriptor) are local if there was no call of another family.
    """
    seen: Counter[tuple[str, str, bool]] = Counter()
    for line in _whole(output.read_text("utf-8", errors="replace").splitlines()):
        if call := _CALL.match(line):
            family = _FAMILY.search(call["arguments"])
            where = "".join(part for part in _ADDRESS.findall(call["arguments"])[:1] for part in part)
            port = _PORT.search(call["arguments"])
            what = " ".join(
                part
                for part in (
                    call["name"],
                    family[0] if family else "on an open socket",
                    where,
                    port[1] if port else "",
                )
                if part
            )
            seen[what, call["error"] or "done", family is None or family[0] in LOCAL] += 1
    return seen


def _whole(lines: list[str]) -> list[str]:
    """Put calls together that strace had to interrupt for those of other threads."""
    heads: dict[str, str] = {}
    whole = []
    for line in lines:
        if begun := _UNFINISHED.match(line):
            heads[begun["pid"]] = begun["head"]
        elif rest := _RESUMED.match(line):
            whole.append(heads.pop(rest["pid"], "") + rest["tail"])
        else:
            whole.append(line)
    return whole
