import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from slm_lsp.tokens.healing import MAX_TAIL, TailConstraint, back_off, split
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokens.strategies import names, texts, untimed
from tests.tokens.test_vocabulary import normal, vocabulary


@untimed
@given(names, texts)
def test_ids_and_tail_are_the_whole_text(name: str, text: str) -> None:
    text = normal(name, text)
    it = vocabulary(name)
    healed = split(text, it)
    assert it.decode(healed.ids) + healed.tail == text
    assert len(healed.ids) + healed.dropped == len(it.encode(text))
    assert healed.ids == it.encode(text)[: len(healed.ids)]


@untimed
@given(names, texts)
def test_what_is_kept_ends_before_what_may_go_on(name: str, text: str) -> None:
    it = vocabulary(name)
    healed = split(text, it)
    assert text.endswith(healed.tail)
    assert len(text) - len(healed.tail) <= back_off(text)
    assert bool(healed.tail) == bool(text)


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("def main():\n    ret", " ret"),
        ("def main():\n    ", "\n    "),
        ("def main():\n", "\n"),
        ("total = self.bal", "bal"),
        ("for item in", " in"),
        ("print(", "("),
        ("if total ==", " =="),
        ("x = [1, 2])", "])"),
        ("-" * 20, "-" * 8),
        ("x = ", " "),
        ("", ""),
        ("ret", "ret"),
    ],
)
def test_the_tail_begins_at_the_last_sure_token(text: str, tail: str) -> None:
    assert split(text, vocabulary("smollm")).tail == tail


def test_a_token_that_reaches_into_the_word_goes_whole() -> None:
    # Qwen's pre-tokenizer keeps a dot with the word after it.
    it = vocabulary("qwen")
    text = "self.balance"
    assert b".balance" in {it.token_bytes(id) for id in it.encode(text)}
    assert split(text, it).tail == ".balance"


@pytest.mark.parametrize("text", ["日本" * 100, "\n" * 1000, " " * 1000, "x" * 1000])
@pytest.mark.parametrize("name", ["smollm", "llama"])
def test_the_tail_of_an_endless_run_is_bounded(name: str, text: str) -> None:
    it = vocabulary(name)
    healed = split(text, it)
    longest = max(len(it.token_bytes(id)) for id in range(it.size))
    assert 0 < len(healed.tail) <= MAX_TAIL + longest
    assert it.decode(healed.ids) + healed.tail == text


@untimed
@given(names, texts, st.data())
def test_whatever_is_chosen_writes_the_tail(name: str, tail: str, data: st.DataObject) -> None:
    it = vocabulary(name)
    constraint = TailConstraint(it, tail)
    ids: list[int] = []
    while (allowed := constraint.allowed()) is not None:
        assert list(allowed) == sorted(set(allowed))
        assert not set(allowed) & set(it.special.values())
        ids.append(data.draw(st.sampled_from(allowed)))
        constraint.accept(ids[-1])
    # A token may go on beyond the tail, into a character that is not whole yet.
    assert b"".join(map(it.token_bytes, ids)).startswith(tail.encode())


@untimed
@given(names, texts)
def test_every_token_that_agrees_is_allowed(name: str, tail: str) -> None:
    it = vocabulary(name)
    allowed = TailConstraint(it, tail).allowed()
    rest = tail.encode()
    every = [(id, it.token_bytes(id)) for id in range(it.size)]
    assert (allowed or []) == [
        id for id, text in every if rest and text and (text.startswith(rest) or rest.startswith(text))
    ]


def test_a_tail_that_can_not_be_written_sets_the_choice_free() -> None:
    constraint = TailConstraint(Vocabulary(Tokenizer(models.BPE({"a": 0}, []))), "ab")
    assert constraint.allowed() == [0]
    constraint.accept(0)
    assert constraint.allowed() is None
