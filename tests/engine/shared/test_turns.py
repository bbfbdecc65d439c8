import pytest

from slm_lsp.cancel import Cancelled
from slm_lsp.engine.shared.turns import SLICE, STEPS, Turn, Turns


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_windows_take_turns_whoever_asks_more() -> None:
    turns = Turns()
    for window in ("a", "a", "a", "b"):
        turns.add(Turn(window))
    order = []
    for _ in range(4):
        turn = turns.take()
        assert turn
        order.append(turn.window)
        turns.ended()
    assert order == ["a", "b", "a", "a"]


def test_what_is_asked_goes_before_what_is_read_ahead_and_interrupts_it() -> None:
    turns = Turns()
    ahead = Turn("a", background=True)
    turns.add(ahead)
    assert turns.take() is ahead
    turns.add(Turn("b"))
    for _ in range(STEPS):
        ahead.token.check()
    with pytest.raises(Cancelled):
        ahead.token.check()
    assert not ahead.cancelled
    turns.ended()
    turns.add(ahead)
    turn = turns.take()
    assert turn
    assert turn.window == "b"


def test_a_slice_is_over_once_it_has_had_its_time_and_another_window_waits() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.add(Turn("a"))
    turns.take()
    clock.now = 10 * SLICE
    assert not turns.over
    turns.add(Turn("a"))
    assert not turns.over
    clock.now = 0.0
    turns.add(Turn("b"))
    assert not turns.over
    clock.now = 2 * SLICE
    assert turns.over


def test_a_window_that_leaves_takes_its_work_with_it() -> None:
    turns = Turns()
    running = Turn("a")
    turns.add(running)
    turns.take()
    turns.add(Turn("a"))
    turns.add(Turn("b"))
    turns.leave("a")
    assert running.cancelled
    turns.ended()
    turn = turns.take()
    assert turn
    assert turn.window == "b"
