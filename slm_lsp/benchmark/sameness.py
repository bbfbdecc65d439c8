"""Whether the fast paths leave the output as it is."""

from collections.abc import Callable, Iterator, Sequence

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Engine, Usage
from slm_lsp.engine.lookup import Nothing
from slm_lsp.errors import SlmLspError

TOKENS = 16
"""Tokens written after each prompt."""


def compare_output(
    plain: Engine, fast: Engine, prompts: Sequence[list[int]], advance: Callable[[], None]
) -> Iterator[str]:
    """Yield the name of each fast path whose output differs from plain decoding, for each prompt.

    The plain engine reads every prompt at once, reuses nothing and verifies no drafts.

    Raises:
        SlmLspError: the prompts begin alike, so that the plain engine reused a part of one.
    """
    for ids in prompts:
        usage = Usage()
        decoding = Decoding(TOKENS, drafts=Nothing())
        expected = [token.id for token in plain.generate(ids, decoding, CancelToken(), usage)]
        if usage.reused > 8:
            raise SlmLspError("the prompts are too much alike to compare; use another seed.")
        for part in (len(ids) // 3, len(ids) - 5):
            fast.prefill(ids[:part], CancelToken(), Usage())
        for name, written in (
            ("read ahead, with drafts", _written(fast, ids)),
            ("reused", _written(fast, ids)),
            ("searched", _searched(fast, ids)),
        ):
            if written != expected:
                yield name
        advance()


def _written(engine: Engine, ids: list[int]) -> list[int]:
    return [token.id for token in engine.generate(ids, Decoding(TOKENS), CancelToken(), Usage())]


def _searched(engine: Engine, ids: list[int]) -> list[int]:
    """Return what a search with room for one text writes, which is to be the likeliest token each time."""
    several = engine.generate_several(ids, 1, Decoding(TOKENS), CancelToken(), Usage(), set())
    return [one.token.id for grown in several for one in grown]
