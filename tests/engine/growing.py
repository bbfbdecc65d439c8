"""Following the texts of `generate_several`."""

from collections.abc import Callable, Iterable, Sequence

from slm_lsp.engine.interface import Grown, Token

Ends = Callable[[Sequence[Token]], bool]


def grow(
    several: Iterable[Sequence[Grown]], ended: set[int], ends: Ends = lambda text: False
) -> dict[int, list[Token]]:
    """Return the texts that no other grew from, by id; those that end by `ends` are wanted no longer."""
    texts: dict[int, list[Token]] = {0: []}
    parents = {0}
    for grown in several:
        for one in grown:
            assert one.id not in texts
            assert one.parent not in ended
            texts[one.id] = [*texts[one.parent], one.token]
            parents.add(one.parent)
            if ends(texts[one.id]):
                ended.add(one.id)
    return {id: text for id, text in texts.items() if id not in parents}


def ids(texts: dict[int, list[Token]]) -> list[list[int]]:
    """Return the ids of texts, in the order in which these were finished."""
    return [[token.id for token in text] for text in texts.values()]
