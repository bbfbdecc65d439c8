"""How threads share a pass: pieces are claimed one by one, and a phase is over when all its pieces are done.

A thread that comes late finds the phases before done and helps with the one at hand, and one that never comes
is not waited for. `COUNTERS` has a line of `LINE` int64 for each phase, and `CONTROL` one for each flag.
"""

from slm_lsp.engine.llama.kernels.plan import CONTROL, COUNTERS, LINE, STOP
from slm_lsp.native.access import fetch, fetch_add, give_way, i64, pause
from slm_lsp.native.jit import jit

_DONE = 8
"""Place of the pieces done in a counter line, away from those claimed."""

_SPINS = 400
"""Turns of waiting before the processor is offered to others: some microseconds, the length of a short
phase. Other work on the machine would otherwise have to wait for a thread that only waits."""


@jit
def claim(plan: int, phase: int, pieces: int) -> int:
    """Return the next piece of a phase that nobody has; `pieces` or more if there is none."""
    if fetch(i64(plan, CONTROL), STOP):
        return pieces
    return fetch_add(i64(plan, COUNTERS), phase * LINE, 1)


@jit
def finish(plan: int, phase: int) -> None:
    """Count a piece as done."""
    fetch_add(i64(plan, COUNTERS), phase * LINE + _DONE, 1)


@jit
def wait(plan: int, phase: int, pieces: int) -> bool:
    """Wait until all pieces of a phase are done; return False if the pass is given up."""
    turns = 0
    while fetch(i64(plan, COUNTERS), phase * LINE + _DONE) < pieces:
        if fetch(i64(plan, CONTROL), STOP):
            return False
        turns += 1
        if turns < _SPINS:
            pause()
        else:
            give_way()
    return True
