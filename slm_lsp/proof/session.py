"""A session like an editor's with a real server, watched by strace, and again without any network."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_lsp.benchmark.client import SERVE, Client
from slm_lsp.errors import SlmLspError
from slm_lsp.paths import CACHE_VARIABLE, STATE_VARIABLE, cache_dir
from slm_lsp.proof import trace

ATTEMPTS = (sys.executable, "-m", "slm_lsp.proof.attempts")

_CODE = """class Account:
    def __init__(self, owner: str, balance: int) -> None:
        self.owner = owner
        self.balance = balance

    def deposit(self, amount: int) -> None:
        self.balance += amount


def total(accounts: list[Account]) -> int:
    result = 0
    for account in accounts:
        result +=
    return result
"""
_ASKED = ((2, 13), (6, 16), (10, 4), (12, 17), (13, 4))
"""Places that are asked about, first as the text is and again after an edit."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was done in which part, how often, and what happened; `good` if it is as promised."""

    part: str
    what: str
    times: int
    happened: str
    good: bool = True


async def prove(model: str) -> list[Row]:
    """Run the sessions and the attempts; what this system does not allow is a row as well.

    Raises:
        SlmLspError: the model can't be served.
    """
    with tempfile.TemporaryDirectory(prefix="slm-lsp-proof-") as folder:
        seen = Path(folder) / "trace"
        watch, rows = trace.command(seen), list[Row]()
        answers, refused = await _session(model, (*watch, *SERVE), Path(folder))
        rows.append(_asked("session", answers))
        rows += _refusals("session", refused)
        rows += _seen("session", seen) if watch else [_missing("session", "strace is not installed here")]
        rows += _attempts((*watch, *ATTEMPTS), seen if watch else None)
        if cut_off := _without_network():
            again, refused = await _session(model, (*cut_off, *SERVE), Path(folder))
            rows.append(_asked("no network", again))
            same = again == answers
            happened = "the same suggestions" if same else "other suggestions"
            rows.append(Row("no network", "compared with the first session", 1, happened, same))
        else:
            rows.append(_missing("no network", "this system allows no network namespace"))
    return rows


def _missing(part: str, why: str) -> Row:
    return Row(part, "not tried", 0, why)


def _asked(part: str, answers: list[Any]) -> Row:
    shown = sum(bool(answer) for answer in answers)
    return Row(part, "suggestions asked for", len(answers), f"{shown} shown", shown > 0)


def _refusals(part: str, refused: dict[str, int]) -> list[Row]:
    """Tell of what the server tried and was refused: none of its code should try."""
    rows = [Row(part, event, count, "refused by the guard") for event, count in sorted(refused.items())]
    return rows or [Row(part, "attempts that the guard saw", 0, "none")]


def _seen(part: str, output: Path) -> list[Row]:
    found = trace.calls(output)
    rows = [
        Row(part, what, count, happened if local else f"{happened}: not local", local)
        for (what, happened, local), count in sorted(found.items())
    ]
    away = sum(count for (_, _, local), count in found.items() if not local)
    summary = "none" if not away else "SOCKETS OF A NETWORK WERE USED"
    return [*rows, Row(part, "sockets of a network, by strace", away, summary, not away)]


def _attempts(command: Sequence[str], output: Path | None) -> list[Row]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        came = json.loads(done.stdout)
    except ValueError as error:
        raise SlmLspError(f"the attempts could not be made ({done.stderr.strip()[-200:]}).") from error
    rows = [
        Row("attempts", way, one["tried"], f"refused {one['refused']} times", one["refused"] == one["tried"])
        for way, one in came.items()
    ]
    return rows + (_seen("attempts", output) if output else [])


def _without_network() -> tuple[str, ...]:
    """Return what runs a command in an empty network namespace; nothing where that is not allowed."""
    for flags in ("-n", "-rn"):
        command = (shutil.which("unshare") or "", flags)
        if command[0] and not subprocess.run((*command, "true"), capture_output=True, check=False).returncode:
            return command
    return ()


async def _session(model: str, command: Sequence[str], folder: Path) -> tuple[list[Any], dict[str, int]]:
    """Open, edit and ask in a workspace of its own; returns the answers, and what the guard refused."""
    root = folder / "workspace"
    root.mkdir(exist_ok=True)
    file = root / "account.py"
    file.write_text(_CODE, "utf-8")
    # The counts go with the folder; the models stay where they are, and the index beside them.
    environment = {STATE_VARIABLE: str(folder / "state"), CACHE_VARIABLE: str(cache_dir())}
    # Nothing that depends on how fast the machine is, so that two sessions come to the same.
    settings = {"model": model, "timeLimit": 60000, "contextTimeLimit": 10000, "ahead": False}
    client = await Client.start(settings, command, root=root.as_uri(), environment=environment)
    try:
        uri, answers = file.as_uri(), list[Any]()
        document = {"uri": uri, "languageId": "python", "version": 1, "text": _CODE}
        client.notify("textDocument/didOpen", {"textDocument": document})
        for version in (1, 2):
            for line, character in _ASKED:
                params = {
                    "textDocument": {"uri": uri},
                    "position": {"line": line, "character": character},
                    "context": {"triggerKind": 1},
                }
                answer = await client.request("textDocument/inlineCompletion", params)
                answers.append([item["insertText"] for item in (answer or {}).get("items", [])])
            change = {
                "textDocument": {"uri": uri, "version": version + 1},
                "contentChanges": [{"text": f"{_CODE}\n"}],
            }
            client.notify("textDocument/didChange", change)
        status = await client.command("slm-lsp.status")
    finally:
        await client.stop()
    return answers, status["network"]["refused"]
