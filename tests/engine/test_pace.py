from slm_lsp.engine.llama.pace import PROBE, Pace


def chosen(pace: Pace, times: dict[int, float], passes: int) -> list[int]:
    """Run passes that take as long as `times` says for each number of threads."""
    threads = []
    for _ in range(passes):
        threads.append(pace.choose())
        pace.note(threads[-1], times[threads[-1]])
    return threads


def test_the_faster_choice_is_taken_nearly_always() -> None:
    taken = chosen(Pace(4), {1: 0.03, 4: 0.01}, 200)
    assert taken.count(4) > 180


def test_it_changes_when_the_machine_gets_busy_and_back() -> None:
    pace = Pace(4)
    chosen(pace, {1: 0.03, 4: 0.01}, 50)
    busy = chosen(pace, {1: 0.04, 4: 0.4}, 50)
    assert busy[-10:].count(1) >= 9
    assert chosen(pace, {1: 0.03, 4: 0.01}, 20 * PROBE)[-10:].count(4) >= 9


def test_one_core_leaves_no_choice() -> None:
    assert set(chosen(Pace(1), {1: 0.03}, 60)) == {1}
