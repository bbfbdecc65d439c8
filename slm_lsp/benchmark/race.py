"""The same prompts for everyone who is measured, in turn, so that a busy second slows all of them alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

LENGTHS = (128, 512, 1024)
"""Tokens of the prompts that are read."""

DEPTH, WRITTEN = 512, 48
"""Tokens of the prompts that are gone on from, and tokens written after each."""

COLD, SUGGESTED = 1000, 16
"""Tokens of the prompt of a completion of which nothing has been read before, and those of the suggestion."""

Figures = dict[str, float]
"""Figures by name; times in ms, rates in tokens per second."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of reading a prompt, of writing after it token by token, and of writing the same with drafts.

    The first token comes of reading, so that n tokens are written in n - 1 passes at most.
    """

    read: float
    plain: float
    drafts: float


class Runner(Protocol):
    """Someone who runs a model."""

    def complete(self, prompt: Sequence[int], count: int) -> Timed:
        """Read a prompt of which nothing is cached, and write exactly `count` tokens after it, greedily."""


def race(
    runners: Mapping[str, Runner],
    prompts: Sequence[Sequence[int]],
    rounds: int,
    told: Callable[[str], None],
) -> dict[str, Figures]:
    """Measure some runners with prompts that are at least as long as the longest of `LENGTHS`.

    In a round each length is read once, two prompts are gone on from, and there is one cold completion.

    Raises:
        SlmLspError: one of them fails.
    """
    found: dict[str, Figures] = {name: {} for name in runners}
    fresh = 0

    def timed(what: str, length: int, count: int, turns: int) -> dict[str, list[Timed]]:
        nonlocal fresh
        times: dict[str, list[Timed]] = {name: [] for name in runners}
        for turn in range(turns):
            # A first token of its own, so that nothing of it is cached.
            fresh += 1
            prompt = [fresh, *prompts[turn % len(prompts)]][:length]
            for name, runner in runners.items():
                told(f"{what}: {name}")
                times[name].append(runner.complete(prompt, count))
        return times

    for length in LENGTHS:
        for name, times in timed(f"reading {length} tokens", length, 1, rounds).items():
            found[name][f"prefill_{length}"] = length / statistics.median(one.read for one in times)
    for name, times in timed("writing", DEPTH, WRITTEN, 2 * rounds).items():
        passes = len(times) * (WRITTEN - 1)
        found[name]["decode_ms_plain"] = 1e3 * sum(one.plain for one in times) / passes
        found[name]["decode_ms_drafts"] = 1e3 * sum(one.drafts for one in times) / passes
    for name, times in timed("completions", COLD, SUGGESTED, rounds).items():
        found[name]["cold_ms"] = 1e3 * statistics.median(one.read + one.drafts for one in times)
    return found
