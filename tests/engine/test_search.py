"""The search for the likeliest texts: what it finds, and what it leaves behind."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, Token, Usage
from slm_lsp.engine.llama.engine import LlamaEngine
from slm_lsp.engine.outlook import Writing
from tests.engine.growing import Ends, grow
from tests.engine.test_llama import FAMILIES, PROMPT, Only, loaded, model, write

Text = tuple[float, list[Token]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(model(FAMILIES["llama"]), tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def engine(folder: Path) -> Iterator[LlamaEngine]:
    with loaded(folder) as made:
        yield made


def search(
    engine: LlamaEngine, count: int, decoding: Decoding, ends: Ends = lambda text: False
) -> tuple[list[list[Token]], list[list[Token]]]:
    """Return the texts that ended, in that order, and the others."""
    ended = set[int]()
    several = engine.generate_several(PROMPT, count, decoding, CancelToken(), Usage(), ended)
    texts = grow(several, ended, ends)
    over = [text for id, text in texts.items() if id in ended]
    return over, [text for id, text in texts.items() if id not in ended]


def plainly(engine: LlamaEngine, count: int, decoding: Decoding, ends: Ends) -> list[Text]:
    """Search by reading every text anew in every step; returns the texts that ended, the likeliest first."""
    live: list[Text] = [(0.0, [])]
    over: list[Text] = []
    for _ in range(decoding.max_tokens):
        grown: list[Text] = []
        for score, text in live:
            writing = Writing(decoding)
            for token in text:
                writing.take(token)
            engine.shrink()
            _, outlook = engine._read([*PROMPT, *(token.id for token in text)], 0, CancelToken(), Usage())
            following = outlook.likeliest(writing, count)
            grown += [(score + token.logprob, [*text, token]) for token in following]
        grown.sort(key=lambda one: -one[0])
        live = []
        for score, text in grown:
            least = sorted((one for one, _ in over), reverse=True)[count - 1 : count] or [-math.inf]
            if len(live) == count or score < least[0]:
                break
            if text[-1].id in decoding.stop_ids:
                over.append((score, text))
            else:
                live.append((score, text))
        over += [one for one in live if ends(one[1])]
        live = [one for one in live if not ends(one[1])]
    return sorted(over, key=lambda one: -one[0])


@pytest.mark.parametrize("constraint", [None, Only])
@pytest.mark.parametrize("stops", [frozenset[int](), frozenset(range(0, 251, 7))])
def test_it_finds_what_a_search_without_any_cache_finds(
    engine: LlamaEngine, constraint: type[Only] | None, stops: frozenset[int]
) -> None:
    decoding = Decoding(7, stops, constraint=constraint or (lambda: None))

    def ends(text: Sequence[Token]) -> bool:
        return len(text) > 3 and text[-1].id % 5 == 0

    expected = [text for _, text in plainly(engine, 3, decoding, ends)]
    over, _ = search(engine, 3, decoding, ends)
    assert expected
    over.sort(key=lambda text: -sum(token.logprob for token in text))
    assert over[:3] == expected[:3]


def test_with_room_for_one_it_writes_the_likeliest_token_each_time(engine: LlamaEngine) -> None:
    _, (text,) = search(engine, 1, Decoding(12))
    assert text == list(engine.generate(PROMPT, Decoding(12), CancelToken(), Usage()))


def test_what_is_too_unlikely_is_given_up(engine: LlamaEngine) -> None:
    def score(text: list[Token]) -> float:
        return sum(token.logprob for token in text)

    _, found = search(engine, 4, Decoding(6))
    whole = sorted(score(text) for text in found if len(text) == 6)
    assert len(whole) == 4
    margin = (whole[3] - whole[0]) / 2
    _, near = search(engine, 4, Decoding(6, margin=margin))
    kept = [score(text) for text in near if len(text) == 6]
    assert 0 < len(kept) < 4
    assert min(kept) >= max(kept) - margin


def test_it_ends_when_nothing_that_lives_is_likelier_than_what_ended(engine: LlamaEngine) -> None:
    usage, ended = Usage(), set[int]()
    several = engine.generate_several(PROMPT, 2, Decoding(500), CancelToken(), usage, ended)
    texts = grow(several, ended, lambda text: len(text) in (3, 5))
    assert max(map(len, texts.values())) <= 5
    assert len(ended) >= 2


def test_the_best_text_stays_read_and_all_else_is_given_back(engine: LlamaEngine) -> None:
    over, _ = search(engine, 3, Decoding(9), lambda text: len(text) == 9)
    best = max(over, key=lambda text: sum(token.logprob for token in text))
    cache = engine._runner.cache
    held = sum(map(bool, cache._uses))
    usage = Usage()
    for _ in range(30):
        search(engine, 3, Decoding(9), lambda text: len(text) == 9)
    assert sum(map(bool, cache._uses)) == held
    engine.prefill([*PROMPT, *(token.id for token in best), 1], CancelToken(), usage)
    # The last token of a text is not read, as nothing came after it.
    assert usage.prefilled == 2


def test_a_search_that_is_called_off_leaves_a_cache_that_can_be_used(engine: LlamaEngine) -> None:
    expected = list(engine.generate(PROMPT, Decoding(9), CancelToken(), Usage()))
    cache = engine._runner.cache
    held = sum(map(bool, cache._uses))
    for steps in range(1, 6):
        cancel = CancelToken()
        several = engine.generate_several(PROMPT, 3, Decoding(20), cancel, Usage(), set())
        for _ in range(steps):
            next(several)
        cancel.cancel()
        with pytest.raises(Cancelled):
            next(several)
        several = engine.generate_several(PROMPT, 3, Decoding(20), CancelToken(), Usage(), set())
        next(several)
        several.close()
    assert sum(map(bool, cache._uses)) <= held
    assert list(engine.generate(PROMPT, Decoding(9), CancelToken(), Usage())) == expected
