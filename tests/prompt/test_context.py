import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.prompt.context import SHARES, Context, allot, choose, cost, lead, render
from slm_lsp.text.snippet import Found, Part, Piece, Snippet
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

VOCABULARY = Vocabulary(tokenizer("smollm"))
SNIPPETS = (Part.DEFINITIONS, Part.SIMILAR, Part.EDITS)


def snippet(part: Part, name: str, score: float = 1.0, lines: int = 3, path: str = "") -> Snippet:
    text = "\n".join(f"{name}_{line} = {line}" for line in range(lines))
    return Snippet(part, path or f"{name}.py", ("#", ""), name, text, score, "test")


def chosen(snippets: list[Snippet], tokens: int, shown: list[Snippet] | None = None) -> list[Snippet]:
    return choose(Context(Found(snippets=tuple(snippets)), 0, tokens, tuple(shown or ())), VOCABULARY, 0)[0]


def spent(snippets: list[Snippet]) -> int:
    return sum(cost(one, VOCABULARY) for one in snippets)


@given(st.dictionaries(st.sampled_from(Part), st.integers(0, 2000)), st.integers(0, 1000))
def test_no_more_is_given_than_there_is_or_is_needed(demands: dict[Part, int], total: int) -> None:
    given_ = allot(demands, total)
    assert sum(given_.values()) <= total
    for part, share in SHARES.items():
        assert given_[part] <= min(demands.get(part, 0), int(share.ceiling * total))
        assert given_[part] >= min(demands.get(part, 0), int(share.floor * total))


def test_what_one_part_does_not_need_goes_to_the_others() -> None:
    every = dict.fromkeys(Part, 1000)
    without = allot({**every, Part.EDITS: 0}, 300)
    assert without[Part.EDITS] == 0
    assert without[Part.SIMILAR] > allot(every, 300)[Part.SIMILAR]


names = st.lists(
    st.tuples(st.sampled_from(SNIPPETS), st.sampled_from("abcdefgh"), st.floats(0, 1), st.integers(1, 8)),
    max_size=12,
    unique_by=lambda one: one[:2],
)


@given(names, names, st.integers(0, 400))
def test_the_choice_keeps_to_its_budget_and_to_itself(
    new: list[tuple[Part, str, float, int]], old: list[tuple[Part, str, float, int]], tokens: int
) -> None:
    shown = [snippet(*one) for one in old]
    found = [snippet(*one) for one in new]
    first = chosen(found, tokens, shown)
    assert spent(first) <= tokens
    assert set(first) <= set(found)
    assert chosen(found, tokens, first) == first


def test_what_was_shown_stays_in_its_place_and_new_snippets_come_behind_it() -> None:
    old = [snippet(Part.DEFINITIONS, "old", 0.5), snippet(Part.SIMILAR, "alike")]
    new = snippet(Part.DEFINITIONS, "new", 0.9)
    assert chosen([*old, new], 300, old) == [*old, new]


def test_many_short_snippets_stay_in_their_order() -> None:
    many = [snippet(Part.DEFINITIONS, name, lines=1) for name in "abcdefghijkl"]
    first = chosen(many, 1000)
    assert len(first) == len(many)
    assert chosen(many, 1000, first) == first


def test_what_is_of_no_use_any_more_goes() -> None:
    old = [snippet(Part.DEFINITIONS, "gone"), snippet(Part.DEFINITIONS, "kept")]
    assert chosen(old[1:], 300, old) == old[1:]


def test_changed_text_is_shown_as_it_is_now() -> None:
    before, after = snippet(Part.DEFINITIONS, "a", lines=2), snippet(Part.DEFINITIONS, "a", lines=3)
    assert chosen([after], 300, [before]) == [after]


def test_a_new_definition_pushes_out_what_is_not_among_the_best() -> None:
    old = snippet(Part.DEFINITIONS, "old", 0.1, lines=6)
    new = snippet(Part.DEFINITIONS, "new", 0.9, lines=6)
    room = int(cost(new, VOCABULARY) / SHARES[Part.DEFINITIONS].ceiling) + 2
    alike = [snippet(Part.SIMILAR, name, lines=6) for name in ("one", "two")]
    assert chosen([old, *alike], room, [*alike, old]) == [*alike, old]
    assert chosen([old, new, *alike], room, [*alike, old]) == [*alike, new]


def test_the_best_stands_nearest_to_the_cursor() -> None:
    some = [snippet(Part.DEFINITIONS, name, score) for name, score in (("b", 0.5), ("c", 0.9), ("a", 0.1))]
    assert [one.key for one in chosen(some, 600)] == ["a", "b", "c"]


def test_snippets_stand_behind_comments_with_their_paths() -> None:
    some = [
        Snippet(Part.DEFINITIONS, "a.py", ("#", ""), "f", "def f(): ...", 1, ""),
        Snippet(Part.DEFINITIONS, "a.py", ("#", ""), "g", "def g(): ...", 1, ""),
        Snippet(Part.SIMILAR, "b.css", ("/*", "*/"), "h", "a { }\n", 1, ""),
    ]
    assert render(some) == "# a.py\ndef f(): ...\n\ndef g(): ...\n\n/* b.css */\na { }\n\n"
    assert render([]) == ""


PIECES = (
    Piece(0, "import a\n", 1),
    Piece(5, "class A:\n", 0, scope=True),
    Piece(8, "    def far(self): ...\n", 2, under=5),
    Piece(40, "    def here(self):\n", 0, scope=True),
    Piece(90, "    def below(self): ...\n", 2, under=5),
)


def tokens(text: str) -> int:
    return len(text)


def test_only_what_is_not_seen_is_put_in_front() -> None:
    assert lead(PIECES, 30, 100, 1000, tokens) == "import a\nclass A:\n    def far(self): ...\n"


def test_a_member_brings_its_class() -> None:
    assert lead(PIECES, 0, 60, 1000, tokens) == "class A:\n    def below(self): ...\n"


@pytest.mark.parametrize(("budget", "text"), [(0, ""), (10, "class A:\n"), (20, "import a\nclass A:\n")])
def test_what_matters_most_comes_first_where_room_is_short(budget: int, text: str) -> None:
    assert lead(PIECES, 30, 60, budget, tokens) == text
