from collections import Counter

import pytest

from slm_lsp.completion.request import CompletionItem, CompletionRequest, CompletionResult
from slm_lsp.evaluation.scoring import (
    agreement,
    filled,
    identifiers,
    parse_errors,
    right,
    shown,
    similarity,
)
from slm_lsp.text.snapshot import Snapshot


def test_a_suggestion_goes_into_its_place() -> None:
    request = CompletionRequest(Snapshot("file:///a", "python", 0, ("a\r\n", "b = )\r\n", "")), 1, 4)
    result = CompletionResult((CompletionItem("1", "c(\r\n1", 4, 4),))
    assert filled(request, result) == "a\r\nb = c(\r\n1)\r\n"
    assert shown(result) == "c(\n1"
    assert filled(request, CompletionResult()) == "a\r\nb = )\r\n"
    assert shown(CompletionResult()) == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [("a\n  b", True), ("a\r\n  b \n", True), ("a\n b", False), ("a", False), (" a\n  b", False)],
)
def test_only_white_space_at_the_end_does_not_count(text: str, answer: bool) -> None:
    assert right(text, "a\n  b\n", "\r\n") is answer


def test_before_other_text_white_space_counts() -> None:
    assert right("if ", "if ", "x:\n")
    assert not right("if", "if ", "x:\n")


def test_edit_similarity() -> None:
    assert similarity("return x", "return x\n") == 1
    assert similarity("", "abc") == 0
    assert similarity("abcd", "abce") == 0.75


@pytest.mark.parametrize(
    ("language", "text", "names"),
    [
        ("python", "total = self.count(«price»)", ["price"]),
        ("python", "total = «self.cou»nt(price)", ["self", "count"]),
        ("python", "é = «'if'.join(ünder, class_)»", ["join", "ünder", "class_"]),
        ("typescript", "const «sum: Money = a.b;»", ["sum", "Money", "a", "b"]),
        ("elixir", "total = «if price end»", ["if", "price", "end"]),
    ],
)
def test_identifiers_are_those_of_the_grammar(language: str, text: str, names: list[str]) -> None:
    before, _, rest = text.partition("«")
    inner, _, after = rest.partition("»")
    whole, start = before + inner + after, len(before)
    assert identifiers(language, whole, start, start + len(inner)) == Counter(names)


def test_agreement_counts_each_identifier_as_often_as_it_stands_there() -> None:
    assert agreement(Counter("aab"), Counter("aab")) == 1
    assert agreement(Counter("a"), Counter("aab")) == 0.5
    assert agreement(Counter(), Counter("a")) == 0
    assert agreement(Counter("a"), Counter()) is None


@pytest.mark.parametrize(
    ("language", "text", "errors"),
    [
        ("python", "def f():\n    return 1\n", 0),
        ("python", "f(a\nb = 2\n", 2),
        ("python", "for a in b:\nc = 1\n", 1),
        ("python", "a = 1\n  b = 2\n", 1),
        ("python", "a = '\\d'\n", 0),
        ("go", "func f() {\n\treturn 1\n}\n", 0),
        ("rust", "fn f() { let x = ; }", 1),
        ("elixir", "def f(", None),
    ],
)
def test_parse_errors(language: str, text: str, errors: int | None) -> None:
    assert parse_errors(language, text) == errors
