from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.errors import ModelError
from slm_lsp.prompt.build import Prompt, build
from slm_lsp.prompt.formats import PromptFormat, detect
from slm_lsp.tokens.healing import TailConstraint
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import CORPUS, FAMILIES, tokenizer
from tests.tokens.strategies import names, texts, untimed

CODE = "".join(CORPUS) * 12


@cache
def model(name: str) -> tuple[Vocabulary, PromptFormat]:
    vocabulary = Vocabulary(tokenizer(name))
    return vocabulary, detect(vocabulary)


def ask(name: str, prefix: str, suffix: str, **budgets: Any) -> Prompt:
    defaults = {"prefix_tokens": 256, "suffix_tokens": 64, "context_length": 1024, "max_tokens": 32}
    return build(*model(name), prefix, suffix, **{**defaults, **budgets})


def parts(name: str, prompt: Prompt) -> tuple[str, str]:
    """The text of the prompt's prefix, with its tail, and of its suffix."""
    vocabulary, format = model(name)
    special = set(vocabulary.special.values())
    texts = {0: "", **dict.fromkeys((format.prefix_id, format.suffix_id), "")}
    ids: dict[int | None, list[int]] = {format.prefix_id: [], format.suffix_id: []}
    at = None if format.fills else format.prefix_id
    for id in prompt.ids:
        if id in special:
            at = id if id in texts else at
        else:
            ids[at].append(id)
    prefix = vocabulary.decode(ids[format.prefix_id]) + prompt.tail
    return prefix.removeprefix(vocabulary.lead), vocabulary.decode(
        ids[format.suffix_id]
    ) if format.fills else ""


@pytest.mark.parametrize("name", FAMILIES)
def test_a_short_file_is_shown_whole(name: str) -> None:
    prefix, suffix = CORPUS[0] + "    total = su", "\n    return total\n"
    prompt = ask(name, prefix, suffix)
    fills = model(name)[1].fills
    assert parts(name, prompt) == (prefix, suffix if fills else "")
    assert prompt.tail
    assert prefix.endswith(prompt.tail)
    assert bool(prompt.suffix_tokens) == fills


@pytest.mark.parametrize("name", FAMILIES)
def test_a_long_file_is_cut_at_lines_to_most_of_the_budget(name: str) -> None:
    at = len(CODE) // 2 + 11
    prompt = ask(name, CODE[:at], CODE[at:])
    prefix, suffix = parts(name, prompt)
    assert CODE[:at].endswith("\n" + prefix)
    assert CODE[at:].startswith(suffix)
    assert 256 // 4 <= prompt.prefix_tokens + prompt.healed <= 256
    if model(name)[1].fills:
        assert suffix.endswith("\n")
        assert 64 // 2 <= prompt.suffix_tokens <= 64


@untimed
@given(names, texts, texts, st.integers(0, 64), st.integers(0, 64), st.integers(1, 40), st.integers(16, 128))
def test_the_prompt_always_fits(
    name: str, prefix: str, suffix: str, before: int, after: int, tokens: int, context: int
) -> None:
    overhead = len(model(name)[1].render([], []))
    budgets = {
        "prefix_tokens": before,
        "suffix_tokens": after,
        "max_tokens": tokens,
        "context_length": context,
    }
    if context - tokens - overhead < 1:
        with pytest.raises(ModelError, match="maxTokens"):
            ask(name, prefix, suffix, **budgets)
        return
    prompt = ask(name, prefix, suffix, **budgets)
    assert prompt.ids
    assert prompt.prefix_tokens + prompt.healed <= before
    assert prompt.suffix_tokens <= after
    assert len(prompt.ids) + prompt.healed + tokens <= context
    assert len(prompt.ids) <= prompt.prefix_tokens + prompt.suffix_tokens + overhead


@untimed
@given(names, texts, texts)
def test_the_prompt_is_made_of_the_text_next_to_the_cursor(name: str, prefix: str, suffix: str) -> None:
    prompt = ask(name, prefix, suffix, prefix_tokens=24, suffix_tokens=12)
    normalizer = FAMILIES[name].normalizer
    prefix, suffix = (
        normalizer.normalize_str(one) if normalizer else one
        for one in (text.replace("\r\n", "\n").replace("\r", "\n") for text in (prefix, suffix))
    )
    before, after = parts(name, prompt)
    before = normalizer.normalize_str(before) if normalizer else before
    assert prefix.endswith(before) or before.strip() == ""
    # A line too long for the budget may be cut within a character of several tokens.
    assert suffix.startswith(after.rstrip("\ufffd"))


@pytest.mark.parametrize("name", ["smollm", "smollm-tuned", "qwen", "llama"])
def test_the_beginning_stays_while_the_user_types(name: str) -> None:
    typed = "        amount = self.balance\n        if amount:\n            return amount\n" * 3
    changes, last = 0, None
    for count in range(200):
        prompt = ask(name, CODE + typed[:count], "\n\nprint(1)\n")
        changes += prompt.ids[:40] != last
        last = prompt.ids[:40]
    assert changes <= 2


def test_a_line_beyond_the_budget_is_cut_within() -> None:
    line = "values = [" + ", ".join(map(str, range(2000)))
    prompt = ask("qwen", f"first\n{line}", f"{line}\nlast\n")
    prefix, suffix = parts("qwen", prompt)
    assert line.endswith(prefix)
    assert line.startswith(suffix)
    assert prompt.prefix_tokens + prompt.healed >= 128
    assert prompt.suffix_tokens >= 60


@pytest.mark.parametrize("length", range(40, 200, 7))
def test_a_prefix_one_token_over_its_budget_is_not_thrown_away(length: int) -> None:
    # One line of as many tokens as the budget; the space that sentencepiece puts first makes one more.
    line = ("(item, amount) " * 20)[:length]
    budget = len(model("codellama")[0].encode(line))
    prompt = ask("codellama", line, "", prefix_tokens=budget)
    assert prompt.prefix_tokens + prompt.healed >= budget // 4


@pytest.mark.parametrize(
    "text", ["日本" * 5000, "\n" * 9000, " " * 9000, "😀\n" * 5000, "a\r\n" * 5000, "\t\r" * 5000]
)
@pytest.mark.parametrize("name", ["smollm-tuned", "codellama"])
def test_odd_files_fill_the_budget_and_fit(name: str, text: str) -> None:
    prompt = ask(name, text, text)
    prefix, suffix = parts(name, prompt)
    assert text.replace("\r\n", "\n").replace("\r", "\n").endswith(prefix)
    assert len(prefix) >= 20
    assert len(suffix) >= 20
    assert "\r" not in prefix + suffix


def test_line_endings_make_no_difference() -> None:
    prefix, suffix = CORPUS[0], CORPUS[1]
    expected = ask("qwen", prefix, suffix)
    for ending in ("\r\n", "\r"):
        got = ask("qwen", prefix.replace("\n", ending), suffix.replace("\n", ending))
        assert (got.ids, got.tail) == (expected.ids, expected.tail)


def test_half_a_surrogate_pair_does_no_harm() -> None:
    prompt = ask("qwen", "x = '\ud83d", "\ude00'\n")
    assert parts("qwen", prompt) == ("x = '\ufffd", "\ufffd'\n")


def test_the_size_of_the_file_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    original = Vocabulary.encode_with_starts

    def spy(self: Vocabulary, text: str) -> tuple[list[int], list[int]]:
        looked_at.append(len(text))
        return original(self, text)

    monkeypatch.setattr(Vocabulary, "encode_with_starts", spy)
    ask("qwen", CODE * 50, CODE * 50)
    assert sum(looked_at) < 10 * (256 + 64) * 2


def test_a_small_context_takes_from_both_sides_alike() -> None:
    prompt = ask("qwen", CODE, CODE, prefix_tokens=512, suffix_tokens=128, context_length=128, max_tokens=16)
    assert 1 <= prompt.suffix_tokens <= 22
    assert 20 <= prompt.prefix_tokens + prompt.healed <= 88


def test_sentencepiece_prompts_begin_as_documents_do() -> None:
    """CodeLlama's and Codestral's own code puts the space before the prefix, and none before the suffix."""
    vocabulary, _ = model("codellama")
    special = vocabulary.special
    document = tokenizer("codellama").encode(CORPUS[0]).ids
    prompt = ask("codellama", CORPUS[0], "sum)")
    kept = prompt.prefix_tokens
    assert kept > 20
    assert prompt.ids == [
        *(document[0], special["▁<PRE>"], *document[1 : 1 + kept]),
        *(special["▁<SUF>"], *vocabulary.encode("sum)"), special["▁<MID>"]),
    ]


def test_nothing_before_the_cursor_leaves_nothing_to_heal() -> None:
    prompt = ask("codellama", "", "x\n")
    assert (prompt.tail, prompt.healed, prompt.prefix_tokens) == ("", 0, 0)
    prompt = ask("smollm", "", "x\n")
    assert prompt.ids == [model("smollm")[0].special["<|endoftext|>"]]


def test_a_word_alone_is_healed_from_the_start_of_the_document() -> None:
    vocabulary, _ = model("smollm")
    prompt = ask("smollm", "ret", "")
    assert prompt.ids == [vocabulary.special["<|endoftext|>"]]
    assert prompt.tail == "ret"
    allowed = TailConstraint(vocabulary, prompt.tail).allowed()
    assert allowed
    assert vocabulary.id_of(b"return") in allowed


@pytest.mark.parametrize("name", FAMILIES)
def test_without_healing_the_prompt_ends_at_the_cursor(name: str) -> None:
    prefix = CORPUS[0] + "    total = su"
    prompt = ask(name, prefix, "", heal=False)
    assert (prompt.tail, prompt.healed) == ("", 0)
    assert parts(name, prompt)[0] == prefix
