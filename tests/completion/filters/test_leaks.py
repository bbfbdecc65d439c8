import pytest

from slm_lsp.completion.filters import Candidate
from slm_lsp.completion.filters.leaks import ChatProse, SpecialTokens
from tests.completion.places import place


def cut(text: str, marked: str = "x = ¦\n", language: str = "python") -> str:
    return SpecialTokens().apply(Candidate(text), place(marked, language)).text


def said(text: str, marked: str = "x = 1\n¦\n", language: str = "python") -> str:
    return ChatProse().apply(Candidate(text), place(marked, language)).text


@pytest.mark.parametrize(
    "token",
    [
        "<|endoftext|>",
        "<|fim_middle|>",
        "<|im_end|>",
        "<fim_suffix>",
        "<file_sep>",
        "</s>",
        "[PREFIX]",
        "<｜fim▁end｜>",
        "<|cursor|>",
        "▁<EOT>",
        "…",
    ],
)
def test_a_special_token_ends_the_text(token: str) -> None:
    assert cut(f"total + 1{token}def f():") == "total + 1"


@pytest.mark.parametrize("text", ["a < b and c > d", "Vec<u8>::new()", "x[PREFIX]".lower(), "a <| b |> c"])
def test_code_is_no_special_token(text: str) -> None:
    assert cut(text) == text


def test_a_file_about_special_tokens_may_name_them() -> None:
    assert cut('"<|endoftext|>"', 'END = "<|endoftext|>"\nx = ¦\n') == '"<|endoftext|>"'


@pytest.mark.parametrize(
    "text",
    [
        "Here is the completed function:\n\ndef f():",
        "Sure, this code adds two numbers together.",
        "I'm sorry, but I can't help with that.",
        "The function takes two arguments and returns their sum.",
        "This code will print the numbers from one to ten.",
    ],
)
def test_talk_is_no_code(text: str) -> None:
    assert said(text) == ""


def test_a_fence_ends_the_code() -> None:
    assert said("a = 1\n```\nThis adds one.") == "a = 1\n"
    assert said("```python\na = 1\n```") == ""


@pytest.mark.parametrize("text", ["Here = f(a)", "This.is.a.member()", "I = 1", "Sure(a, b)", "In = x"])
def test_code_that_begins_like_talk_is_code(text: str) -> None:
    assert said(text) == text


def test_in_a_comment_and_in_prose_words_are_wanted() -> None:
    assert said("The function takes two arguments.", "# ¦\n") != ""
    assert said("The function takes two arguments.", "¦\n", "markdown") != ""
