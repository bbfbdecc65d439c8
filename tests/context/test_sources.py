import pytest

from slm_lsp.context.sources import reason_to_skip, secret


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "server.pem",
        "id_rsa",
        ".netrc",
        "credentials.json",
        "prod-secrets.yaml",
        "a.key",
    ],
)
def test_files_of_secrets_are_known_by_their_names(name: str) -> None:
    assert secret(f"folder/{name}", "a = 1\n")


@pytest.mark.parametrize("name", ["secrets.py", "environment.ts", "keys.go", "password.rs", "ids.py"])
def test_code_about_secrets_is_code(name: str) -> None:
    assert not secret(name, "password = read_password()\n")


def test_texts_with_keys_in_them_are_secret() -> None:
    assert secret("a.py", 'KEY = "AKIAIOSFODNN7EXAMPLE"\n')
    assert reason_to_skip("a.py", 'api_key = "9f8e7d6c5b4a39281706f5e4d3c2"\n') == "secret"


def test_ordinary_code_is_taken() -> None:
    assert reason_to_skip("a.py", "def f(a):\n    return a\n") is None
