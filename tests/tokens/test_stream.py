from hypothesis import given

from slm_lsp.tokens.stream import StreamDecoder
from tests.tokens.strategies import names, texts, untimed
from tests.tokens.test_vocabulary import vocabulary


@untimed
@given(names, texts)
def test_pieces_join_to_the_decoded_text(name: str, text: str) -> None:
    it = vocabulary(name)
    ids = it.encode(text)
    decoder = StreamDecoder(it)
    assert "".join(map(decoder.feed, ids)) == it.decode(ids)


def test_a_character_comes_with_its_last_byte() -> None:
    it = vocabulary("llama")
    decoder = StreamDecoder(it)
    bytes_ = [int(it.spelled(bytes([byte]))[0]) for byte in "é😀".encode()]
    assert [decoder.feed(id) for id in bytes_] == ["", "é", "", "", "", "😀"]


def test_a_leading_space_is_kept_and_special_tokens_are_silent() -> None:
    it = vocabulary("llama")
    decoder = StreamDecoder(it)
    ids = [*it.encode(" return"), *it.end_ids, *it.encode(" sum")]
    assert "".join(map(decoder.feed, ids)) == " return sum"
