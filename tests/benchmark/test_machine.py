"""The estimate of a model's answer from what the machine reaches."""

import pytest

from slm_lsp.benchmark import machine
from slm_lsp.benchmark.machine import READ, WRITTEN, Machine
from slm_lsp.models.known import EMBEDDED, KNOWN


def test_weights_are_read_once_a_token() -> None:
    row = KNOWN[EMBEDDED]
    at_once = Machine(bandwidth=1.125 * row.parameters, speed=1e18)
    assert machine.answer_ms(row, at_once) == pytest.approx(1000 * WRITTEN)


def test_reading_is_bound_by_the_products_where_these_are_slow() -> None:
    row = KNOWN[EMBEDDED]
    slow = Machine(bandwidth=1e18, speed=2 * row.parameters * READ)
    assert machine.answer_ms(row, slow) == pytest.approx(1000)


def test_of_a_mixture_of_experts_all_take_memory_and_some_time() -> None:
    mixtral, dense = KNOWN["mixtral-8x7b"], KNOWN["phi-3-medium"]
    fast = Machine(1e12, 1e15)
    assert machine.needed(mixtral) > 3 * machine.needed(dense)
    assert machine.answer_ms(mixtral, fast) < machine.answer_ms(dense, fast)


def test_what_does_not_fit_in_memory_or_can_not_run_is_left_out() -> None:
    fast = Machine(1e15, 1e18)
    everything = machine.within(fast, 100, 10**15)
    assert len(everything) == len(KNOWN) - 1
    some = machine.within(fast, 100, 4_000_000_000)
    assert {row.name for row in some} < {row.name for row in everything}
    assert all(machine.needed(row) <= 4_000_000_000 for row in some)
    assert machine.within(fast, 1e-9, 10**15) == []
