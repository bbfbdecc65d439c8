"""From files to examples: so many tokens, each language with its share, no source with too much."""

import random
from collections.abc import Iterable, Iterator, Mapping

from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning.examples import Example, Examples, File
from slm_lsp.tuning.layout import Layout
from slm_lsp.tuning.neighbours import Neighbours

PER_DRAW = 450
"""Tokens of a file for each example drawn from it in one pass."""

MAX_DRAWS = 12
"""Examples drawn from one file in one pass at most: many files teach more than a long one."""


def mix(
    files: Iterable[File],
    vocabulary: Vocabulary,
    layout: Layout,
    tokens: int,
    seed: int,
    shares: Mapping[str, float] | None = None,
) -> Iterator[Example]:
    """Yield about `tokens` tokens of examples, over each language by its share, in passes over its files.

    Without shares each language has the share that it has of the files' text.
    """
    files = list(files)
    neighbours = Neighbours(files)
    by_language: dict[str, list[File]] = {}
    for file in files:
        by_language.setdefault(_merged(file.language), []).append(file)
    if not by_language:
        return
    if shares is None:
        shares = {language: sum(len(file.text) for file in some) for language, some in by_language.items()}
    whole = sum(share for language, share in shares.items() if language in by_language)
    for language, some in sorted(by_language.items()):
        rng = random.Random(f"{seed} {language}")
        wanted = round(tokens * shares.get(language, 0) / whole)
        yield from _draw(some, vocabulary, layout, neighbours, wanted, rng)


def _draw(
    files: list[File],
    vocabulary: Vocabulary,
    layout: Layout,
    neighbours: Neighbours,
    tokens: int,
    rng: random.Random,
) -> Iterator[Example]:
    drawn = 0
    while drawn < tokens:
        before = drawn
        for file in rng.sample(files, len(files)):
            source = Examples(file, vocabulary, layout, neighbours.snippets)
            for _ in range(max(1, min(MAX_DRAWS, source.tokens // PER_DRAW))):
                if (example := source.draw(rng, _budget(rng))) is not None:
                    drawn += len(example.ids)
                    yield example
            if drawn >= tokens:
                return
        if drawn == before:
            return


def _merged(language: str) -> str:
    return language.removesuffix("react")


def _budget(rng: random.Random) -> int:
    """Draw the length of an example in tokens: short for the most part, because a CPU trains slowly."""
    return round(rng.triangular(140, 300, 210)) if rng.random() < 0.9 else rng.randint(300, 440)
