"""The chances of what is remembered in the mixture with a model's distribution, and the mixture's entropy."""

import math

from slm_lsp.native.access import f64, i64, put_f64
from slm_lsp.native.jit import jit

TINY = 1e-300
"""In the place of a chance of 0, which has no logarithm."""


@jit
def mix(plan: int) -> int:
    """Mix what several voices remember with a distribution, by the plan of `slm_lsp.engine.mixing`."""
    voices, count, width = i64(plan, 0), i64(plan, 1), i64(plan, 2)
    numbers, logs, shares, loud, more, chances = (
        i64(plan, 3),
        i64(plan, 4),
        i64(plan, 5),
        i64(plan, 6),
        i64(plan, 7),
        i64(plan, 8),
    )
    entropy, faintest, loudest = f64(numbers, 0), f64(numbers, 1), f64(numbers, 2)
    total = 1.0
    for voice in range(voices):
        loudness = min(f64(loud, voice) + f64(loud, voices + voice) * entropy, loudest)
        power = f64(loud, 2 * voices + voice)
        for at in range(voice * width, voice * width + count):
            share, added = f64(shares, at), 0.0
            if share > 0:
                added = share * math.exp(loudness + power * max(f64(logs, at - voice * width), faintest))
            put_f64(more, at, added)
            total += added
    kept, rest, terms, mixed = 1 / total, 1.0, entropy, 0.0
    for at in range(count):
        added = 0.0
        for voice in range(voices):
            added += f64(more, voice * width + at)
        log = f64(logs, at)
        alone = math.exp(log)
        chance = kept * (alone + added)
        put_f64(chances, at, chance)
        # Only the terms of the tokens with more are new in the entropy.
        rest -= alone
        terms += alone * max(log, math.log(TINY))
        mixed += chance * math.log(max(chance, TINY))
    put_f64(numbers, 3, kept)
    put_f64(numbers, 4, max(0.0, kept * terms - max(0.0, rest) * kept * math.log(kept) - mixed))
    return 0
