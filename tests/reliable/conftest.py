"""Tells at the end of a run what was tried, how often, and what happened."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.lsp.harness import Session, session
from tests.reliable.scripted import ScriptedBackend

Tried = Callable[[str, int, str], None]
"""Takes what was tried, how often, and what the user sees of it; a test calls it once it has been so."""

_ROWS = pytest.StashKey[list[tuple[str, int, str]]]()


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    rows = request.config.stash.setdefault(_ROWS, [])
    return lambda what, times, outcome: rows.append((what, times, outcome))


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
async def client(backend: ScriptedBackend) -> AsyncIterator[Session]:
    """A client of a server whose model writes a line; it must leave cleanly, with one reply per request."""
    async with session(backend) as client:
        yield client


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(_ROWS, [])
    if not rows:
        return
    terminalreporter.section("what was tried, how often, what happened")
    width = max(len(what) for what, _, _ in rows)
    for what, times, outcome in rows:
        terminalreporter.write_line(f"{what:{width}}  {times:>9,}  {outcome}")
