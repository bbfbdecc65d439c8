import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.secrecy import mask, mask_around
from tests.planted import STRINGS, TOKENS, drawn


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_are_masked_wherever_they_stand(name: str) -> None:
    token = TOKENS[name]
    for text in (token, f'a = f("{token}")  # {token}', f"# ключ\n{token}\nb = 1\n"):
        masked = mask(text)
        assert not any(line in masked for line in token.split("\n"))
        assert len(masked) == len(text)
        assert masked.count("\n") == text.count("\n")


@pytest.mark.parametrize("name", STRINGS)
def test_strings_that_look_like_secrets_are_masked(name: str) -> None:
    form, secret = STRINGS[name]
    line = form.format(secret)
    assert mask(f"a = 1\n{line}\nb = 2\n") == f"a = 1\n{form.format('x' * len(secret))}\nb = 2\n"
    assert mask(f"-{line}\n+b = 2") == f"-{form.format('x' * len(secret))}\n+b = 2"


@pytest.mark.parametrize(
    "text",
    [
        'password = getpass("Password: ")',
        '"password": "password"',
        'api_key = os.environ["API_KEY"]',
        'token_type = "identifier"',
        "self.token = tokenizer.token",
        "password=get_password2()",
        "password = config2.database.password",
        'url = f"postgres://{user}:{password}@{host}/db"',
        'proxy = "socks5h://<username>:<password>@proxy-host"',
        'url = f"?password={password}&user={user}"',
        "token: float64",
        "token = token2token;",
        "password: hash256,",
        "DB_PASSWORD=${PASSWORD2}",
        "bypass = compass2",
        "def test_http2_server_connection_upgrade_handler_with_timeouts_v2(): ...",
        "TestHTTP2ServerConnectionUpgradeHandlerWithTimeouts",
        "src/components/dashboard2/widgets/index",
        "PI = 3.14159265358979323846264338327950288419716939937510",
        "=" * 80,
    ],
)
def test_ordinary_code_stays_as_it_is(text: str) -> None:
    assert mask(text) == text


def test_lines_out_of_a_key_are_masked_without_its_header() -> None:
    """As they stand among the recent edits of somebody who deleted the key."""
    lines = TOKENS["private key"].split("\n")[3:8]
    masked = mask("".join(f"-{line}\n" for line in lines))
    assert not any(line in masked for line in lines)


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(sorted(TOKENS.values())))
def test_a_text_keeps_its_length_and_its_lines(before: str, after: str, token: str) -> None:
    text = f"{before}\n{token}\n{after}"
    masked = mask(text)
    assert len(masked) == len(text)
    assert [len(line) for line in masked.split("\n")] == [len(line) for line in text.split("\n")]
    assert token not in masked


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_secret_across_the_cursor_is_masked_on_both_sides(at: int, reach: int) -> None:
    text = f'a = 1\nb = "{TOKENS["GitHub"]}"\nc = 3\n'
    cut = text.index("gh") + at
    before, after = mask_around(text[:cut], text[cut:], (reach, reach))
    assert before + after == mask(text)
    assert len(before) == cut


def test_a_key_that_begins_far_above_is_masked() -> None:
    lines = [drawn(64, seed=line) for line in range(200)]
    key = TOKENS["private key"].replace("\n", "\n" + "\n".join(lines) + "\n", 1)
    before, _ = mask_around(f"a = 1\n{key}", "", (100, 0))
    assert not any(line in before for line in key.split("\n"))


def test_what_is_far_from_the_cursor_costs_nothing() -> None:
    far = f"{TOKENS['GitHub']}\n" + "a = 1\n" * 2000
    before, after = mask_around(far, far[::-1], (100, 100))
    assert (before, after) == (far, far[::-1])
