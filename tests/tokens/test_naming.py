"""The tokens that lead to a name: against all tokens of a vocabulary, tried one by one."""

from functools import cache

import pytest

from slm_lsp.tokens.naming import Naming
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import FAMILIES, tokenizer

NAMES = frozenset(("session", "session_id", "_sessions", "close", "größe"))


@cache
def naming(family: str) -> tuple[Vocabulary, Naming]:
    vocabulary = Vocabulary(tokenizer(family), [FAMILIES[family].eos])
    return vocabulary, Naming(vocabulary)


def leads(written: str) -> bool:
    """Whether a text is a name's beginning, or a name and what is no part of a word."""
    for name in NAMES:
        rest = written[len(name) :]
        if name.startswith(written) or (
            written.startswith(name) and not (rest[0].isalnum() or rest[0] == "_")
        ):
            return True
    return False


@pytest.mark.parametrize("family", ["qwen", "starcoder2", "codegemma", "codellama"])
@pytest.mark.parametrize("begun", ["", "s", "sess", "session", "session_", "_", "gr", "close"])
@pytest.mark.parametrize("pending", ["", "all", ".", "self."])
def test_every_token_that_leads_to_a_name_and_no_other(family: str, begun: str, pending: str) -> None:
    vocabulary, made = naming(family)
    pending = begun if pending == "all" else pending + begun if pending else ""
    found = made.leading(NAMES, begun, pending.encode())
    assert found is not None
    for id in range(vocabulary.size):
        text = vocabulary.token_bytes(id)
        if not text or vocabulary.id_of(text) != id or any(byte > 127 for byte in text):
            continue
        written = text.decode()
        if pending.startswith(written):
            assert found[id], written
        else:
            behind = written.removeprefix(pending)
            assert found[id] == (written.startswith(pending) and leads(begun + behind)), written


def test_a_beginning_that_no_name_has_says_nothing() -> None:
    assert naming("qwen")[1].leading(NAMES, "client") is None
    assert naming("qwen")[1].leading(frozenset(), "") is None


def test_the_end_of_the_text_may_follow_a_whole_name() -> None:
    vocabulary, made = naming("qwen")
    end = min(vocabulary.end_ids)
    whole, begun = made.leading(NAMES, "close"), made.leading(NAMES, "clo")
    assert whole is not None
    assert begun is not None
    assert whole[end]
    assert not begun[end]
