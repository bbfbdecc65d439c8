import pytest

from slm_lsp.completion.typed import agrees, typed_since
from tests.completion.places import request


@pytest.mark.parametrize(
    ("before", "now", "typed"),
    [
        ("a = ¦\nb\n", "a = ¦\nb\n", ""),
        ("a = ¦\nb\n", "a = f(x¦\nb\n", "f(x"),
        ("a = ¦)\nb\n", "a = x¦)\nb\n", "x"),
        ("a:¦\nb\n", "a:\n    c¦\nb\n", "\n    c"),
        ("a = x¦\nb\n", "a = ¦\nb\n", None),
        ("a = ¦\nb\n", "a = 1\nc¦\n", None),
        ("a = ¦\nb\n", "c\na = ¦\nb\n", None),
    ],
)
def test_what_was_typed(before: str, now: str, typed: str | None) -> None:
    assert typed_since(request(before), request(now).document) == typed


def test_what_was_typed_and_what_is_written_agree_as_far_as_both_go() -> None:
    assert agrees("", "")
    assert agrees("foo", "fo")
    assert agrees("fo", "foo(")
    assert agrees("foo()", "foo(x")
    assert not agrees("fa", "foo")
