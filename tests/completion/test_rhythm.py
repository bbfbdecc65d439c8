from slm_lsp.completion.rhythm import LONGEST_WAIT, Rhythm


def typing(rhythm: Rhythm, pause: float, keys: int = 20, start: float = 0.0) -> float:
    now = start
    for _ in range(keys):
        now += pause
        rhythm.edited(now)
    return now


def test_a_fast_machine_is_asked_at_once() -> None:
    rhythm = Rhythm()
    rhythm.completed(0.05)
    assert rhythm.wait(typing(rhythm, 0.2)) == 0


def test_a_slow_machine_waits_for_a_pause_in_a_burst() -> None:
    rhythm = Rhythm()
    rhythm.completed(0.8)
    now = typing(rhythm, 0.1)
    assert 0.1 < rhythm.wait(now) < 0.2
    assert rhythm.wait(now + 1.0) == 0


def test_whoever_stopped_to_think_is_answered_at_once() -> None:
    rhythm = Rhythm()
    rhythm.completed(0.8)
    now = typing(rhythm, 0.1)
    rhythm.edited(now + 5)
    assert rhythm.wait(now + 5) == 0


def test_nobody_reads_while_a_key_is_held() -> None:
    rhythm = Rhythm()
    rhythm.completed(0.01)
    now = typing(rhythm, 0.03)
    assert 0.1 < rhythm.wait(now) < 0.2
    rhythm.edited(now + 0.3)
    assert rhythm.wait(now + 0.3) == 0


def test_nobody_waits_for_long() -> None:
    rhythm = Rhythm()
    rhythm.completed(10.0)
    assert rhythm.wait(typing(rhythm, 1.0)) <= LONGEST_WAIT
