import unicodedata
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import FAMILIES, added, tokenizer
from tests.tokens.strategies import names, texts, untimed


@cache
def vocabulary(name: str) -> Vocabulary:
    return Vocabulary(tokenizer(name), [FAMILIES[name].eos])


def normal(name: str, text: str) -> str:
    """The text as the tokenizer's own normaliser leaves it."""
    return unicodedata.normalize("NFC", text) if FAMILIES[name].normalizer else text


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("pattern", ["{0}", "x{0}y", " {0} ", "{0}{0}", "\n{0}\n\n", "{0}  x", "▁{0}"])
def test_a_special_token_in_a_file_stays_text(name: str, pattern: str) -> None:
    it = vocabulary(name)
    # Those of the other families as well: what is text to this one must not be lost.
    for marker in {text for other in FAMILIES for text in added(other)}:
        text = pattern.format(marker)
        ids = it.encode(text)
        assert it.special.keys() >= set(FAMILIES[name].special)
        assert not set(ids) & set(it.special.values()), text
        assert it.decode(ids) == text


@untimed
@given(names, texts)
def test_text_comes_back_as_it_was(name: str, text: str) -> None:
    it = vocabulary(name)
    ids = it.encode(text)
    assert it.decode(ids) == normal(name, text)
    assert not set(ids) & set(it.special.values())


@untimed
@given(names, texts)
def test_starts_tell_where_each_token_begins(name: str, text: str) -> None:
    text = normal(name, text)
    it = vocabulary(name)
    ids, starts = it.encode_with_starts(text)
    assert ids == it.encode(text)
    before = b""
    for id, start in zip(ids, starts, strict=True):
        # As many characters are whole before the token begins as its start says.
        assert len(before.decode(errors="ignore")) == start
        before += it.token_bytes(id)


@untimed
@given(names, st.binary(max_size=3))
def test_ids_are_found_by_the_bytes_they_begin_with(name: str, prefix: bytes) -> None:
    it = vocabulary(name)
    text = [id for id in range(it.size) if it.token_bytes(id)]
    assert list(it.starting_with(prefix)) == [id for id in text if it.token_bytes(id).startswith(prefix)]
    assert list(it.spelled(prefix)) == [id for id in text if it.token_bytes(id) == prefix]


def test_ids_are_found_by_bytes_up_to_the_highest() -> None:
    it = vocabulary("llama")
    assert [it.token_bytes(int(id)) for id in it.starting_with(b"\xff")] == [b"\xff"]
    assert list(it.starting_with(b"\xff\xff")) == []
    assert it.id_of(b"\xff\xff") is None
    assert it.token_bytes(it.id_of(b"\n") or 0) == b"\n"


def test_ids_beyond_the_tokenizer_are_no_text() -> None:
    it = vocabulary("qwen")
    assert it.decode([*it.encode("x"), it.size, it.size + 100]) == "x"


@pytest.mark.parametrize("name", ["llama", "mistral", "codellama", "codestral", "phi3"])
def test_sentencepiece_gets_no_space_in_the_middle_of_a_text(name: str) -> None:
    it = vocabulary(name)
    assert it.lead == " "
    assert it.decode(it.encode("main")) == "main"
    assert it.encode(it.lead + "main") == [id for id in tokenizer(name).encode("main").ids if id != it.bos_id]


@pytest.mark.parametrize("name", FAMILIES)
def test_only_what_the_tokenizer_adds_goes_before_a_text(name: str) -> None:
    it, bos = vocabulary(name), FAMILIES[name].bos
    assert it.bos_id == (it.special[bos] if bos else None)
    assert it.start_id in it.special.values()


def test_the_configuration_has_the_last_word_on_what_goes_before() -> None:
    assert Vocabulary(tokenizer("llama"), bos="").bos_id is None
    it = Vocabulary(tokenizer("smollm"), bos="<|im_start|>")
    assert it.bos_id == it.special["<|im_start|>"]


def test_ends_of_text_are_known_by_name_and_by_configuration() -> None:
    it = Vocabulary(tokenizer("phi3"), ["<|assistant|>"])
    ends = ("<|endoftext|>", "<|end|>", "</s>", "<|assistant|>")
    assert it.end_ids == {it.special[end] for end in ends}


def test_an_empty_text_starts_after_the_end_of_another() -> None:
    it = vocabulary("smollm")
    assert it.start_id == it.special["<|endoftext|>"]


@pytest.mark.parametrize("text", ["<table>", "</table>", "<h1>", "\n\n\n"])
def test_added_tokens_that_are_ordinary_text_stay_tokens(text: str) -> None:
    it = vocabulary("codegemma")
    assert len(it.encode(text)) == 1
    assert it.decode(it.encode(f"a{text}b")) == f"a{text}b"
    assert text not in it.special


def test_thousands_of_markers_in_a_file_do_no_harm() -> None:
    it = vocabulary("deepseek")
    text = "<｜fim▁begin｜>" * 3000
    assert it.decode(it.encode(text)) == text


def test_characters_a_tokenizer_does_not_know_are_left_out() -> None:
    made = tokenizer("llama")
    made.model.byte_fallback = False
    it = Vocabulary(made)
    assert it.decode(it.encode("main 日本 main")) == "main  main"


def test_padding_and_truncation_of_a_tokenizer_are_switched_off() -> None:
    made = tokenizer("qwen")
    made.enable_padding(length=8)
    made.enable_truncation(4)
    it = Vocabulary(made)
    assert it.decode(it.encode("def main(argv)")) == "def main(argv)"


def test_an_added_word_is_text() -> None:
    made = tokenizer("qwen")
    made.add_tokens([AddedToken("balance_due", normalized=False)])
    it = Vocabulary(made)
    assert it.token_bytes(it.encode("balance_due")[0]) == b"balance_due"
