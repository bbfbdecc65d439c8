"""What goes into a prompt beside the text at the cursor: one place that decides, in tokens.

The engine keeps what it computed for a prompt's beginning, and context stands in front of everything else. So
what was shown stays where it was, as long as it is of any use; new snippets are put behind it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from slm_lsp.text.snippet import Found, Part, Piece, Snippet
from slm_lsp.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Share:
    """What a part gets of the budget, as shares of it: `floor` if it needs it, `ceiling` at most."""

    floor: float
    ceiling: float


SHARES = {
    Part.SIMILAR: Share(0.60, 0.90),
    Part.FILE: Share(0.15, 0.40),
    Part.DEFINITIONS: Share(0.15, 0.30),
    Part.EDITS: Share(0.10, 0.30),
}
"""Of each part. What one does not need goes to the others, in this order."""

ORDER = (Part.SIMILAR, Part.DEFINITIONS, Part.EDITS)
"""Snippets as they stand in a new prompt: what changes most often stands last."""

PINNED = frozenset((Part.DEFINITIONS, Part.EDITS))
"""Parts whose new snippets push out old ones that are no longer among the best."""

OLD_KEPT = 6
"""How far down the ranking of a pinned part a snippet may fall and still stay. Of the others those stay that
are among the best; that they were shown is part of their score."""


@dataclass(frozen=True, slots=True)
class Context:
    """What may be shown: what was `found` for the cursor's line (from 0), and what was shown before it.

    `tokens` is the budget for all parts together.
    """

    found: Found
    line: int
    tokens: int
    shown: tuple[Snippet, ...] = ()


def allot(demands: Mapping[Part, int], total: int) -> dict[Part, int]:
    """Share `total` tokens out: to each part its floor or what it needs, then the rest up to the ceilings.

    The sum is never more than `total`.
    """
    given = {part: min(demands.get(part, 0), int(share.floor * total)) for part, share in SHARES.items()}
    left = total - sum(given.values())
    for part, share in SHARES.items():
        most = min(demands.get(part, 0), int(share.ceiling * total))
        more = max(0, min(left, most - given[part]))
        given[part] += more
        left -= more
    return given


def choose(context: Context, vocabulary: Vocabulary, file_tokens: int) -> tuple[list[Snippet], int]:
    """Return the snippets to show, in their order, and the tokens left for the file's own pieces.

    `file_tokens` is what those need. What is chosen once is chosen again: choosing anew with the answer as
    what was shown changes nothing.
    """
    ranked = {
        part: sorted(
            (one for one in context.found.snippets if one.part is part),
            key=lambda one: -one.score,
        )
        for part in ORDER
    }
    costs = {one: cost(one, vocabulary) for some in ranked.values() for one in some}
    demands = {part: sum(costs[one] for one in some) for part, some in ranked.items()}
    given = allot({**demands, Part.FILE: file_tokens}, context.tokens)
    best = {one for part in ORDER for one in _fitting(ranked[part], costs, given[part])}
    useful = {
        (part, one.key): one
        for part in ORDER
        for rank, one in enumerate(ranked[part])
        if one in best or (part in PINNED and rank < OLD_KEPT)
    }
    kept = [useful[(one.part, one.key)] for one in context.shown if (one.part, one.key) in useful]
    room = context.tokens - given[Part.FILE]
    _make_room(kept, best, costs, room)
    while kept and sum(costs[one] for one in kept) > room:
        kept.pop()
    new = [one for part in ORDER for one in reversed(ranked[part]) if one in best]
    # What one snippet pushed out may leave room for another one that was tried before it.
    while _add(kept, new, best, costs, room):
        pass
    return kept, given[Part.FILE]


def render(snippets: Iterable[Snippet]) -> str:
    """Return snippets as code: a comment line with the path, the code as it is, and a blank line.

    The path is not repeated between snippets of one file. The training data of an adapter is made with this
    function too.
    """
    text, path = "", None
    for one in snippets:
        if one.path and one.path != path:
            text += header(one.path, one.marks)
        path = one.path
        text += one.text.rstrip("\n") + "\n\n"
    return text


def header(path: str, marks: tuple[str, str]) -> str:
    """Return the comment line that names a file."""
    return " ".join(part for part in (marks[0], path, marks[1]) if part) + "\n"


def cost(snippet: Snippet, vocabulary: Vocabulary) -> int:
    """Return the tokens of a snippet with its path."""
    return len(vocabulary.encode(render([snippet])))


def hidden(pieces: Iterable[Piece], first: int, last: int) -> list[Piece]:
    """Return the pieces of a file that don't begin on the lines `first` to `last`, which are shown anyway."""
    return [one for one in pieces if not first <= one.first <= last]


def lead(pieces: Sequence[Piece], first: int, last: int, budget: int, tokens: Callable[[str], int]) -> str:
    """Return what is shown of a file besides its lines `first` to `last`: the pieces that matter most.

    A class that members are shown of is shown as well.
    """
    chosen: set[Piece] = set()
    scopes = {one.first: one for one in pieces if one.scope}
    left = budget
    for one in sorted(hidden(pieces, first, last), key=lambda piece: piece.rank):
        wanted = {one}
        if one.under is not None and one.under in scopes:
            wanted.add(scopes[one.under])
        needed = sum(tokens(each.text) for each in wanted - chosen)
        if needed <= left:
            chosen |= wanted
            left -= needed
    return "".join(one.text for one in pieces if one in chosen)


def _fitting(ranked: Iterable[Snippet], costs: Mapping[Snippet, int], budget: int) -> list[Snippet]:
    chosen = []
    for one in ranked:
        if costs[one] <= budget:
            chosen.append(one)
            budget -= costs[one]
    return chosen


def _add(
    kept: list[Snippet],
    new: Iterable[Snippet],
    best: set[Snippet],
    costs: Mapping[Snippet, int],
    room: int,
) -> bool:
    """Put new snippets behind the others, as far as there is room; return whether anything changed."""
    before = list(kept)
    for one in new:
        if one in kept:
            continue
        if one.part in PINNED:
            _make_room(kept, best, costs, room - costs[one])
        if sum(costs[each] for each in kept) + costs[one] <= room:
            kept.append(one)
    return kept != before


def _make_room(kept: list[Snippet], best: set[Snippet], costs: Mapping[Snippet, int], room: int) -> None:
    """Drop what is not among the best any more, from the end, until the rest fits into `room`."""
    for one in [each for each in reversed(kept) if each not in best]:
        if sum(costs[each] for each in kept) <= room:
            return
        kept.remove(one)
