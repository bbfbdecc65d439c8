import pytest

from slm_lsp.secrecy import has_token
from tests.planted import TOKENS, drawn


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_are_known_by_their_form(name: str) -> None:
    token = TOKENS[name]
    assert has_token(token)
    assert has_token(f'def f():\n    return g("{token}")\n')


@pytest.mark.parametrize(
    "text",
    [
        "the tasks in disk-" + drawn(40),
        'if key.startswith("AKIA") or key.startswith("ghp_"):\n',
        'HEADER = "-----BEGIN PRIVATE' + ' KEY-----"\nprint(HEADER)\n',
        "eyJ is how a token begins",
        "def test_tokens(): ...\n",
    ],
)
def test_code_that_speaks_of_tokens_holds_none(text: str) -> None:
    assert not has_token(text)


def test_a_key_that_was_cut_off_is_one() -> None:
    assert has_token(TOKENS["private key"][:200])
    assert has_token(TOKENS["private key"].replace("\n", "\\n"))
