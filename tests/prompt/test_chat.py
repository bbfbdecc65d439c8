"""Asking in words: the template's ids, the hole, and the code of the answer."""

import json
from pathlib import Path

import pytest

from slm_lsp.errors import ModelInvalid
from slm_lsp.prompt.build import build
from slm_lsp.prompt.chat import code
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens import chat
from slm_lsp.tokens.vocabulary import Vocabulary
from tests import tokenizers

PHI3 = """{% for message in messages %}{% if message['role'] == 'user' %}{{'<|user|>
' + message['content'] + '<|end|>
'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>
' }}{% endif %}"""
MISTRAL = """{{ bos_token }}{% for message in messages %}{{
 '[INST] ' + message['content'] + ' [/INST]' }}{% endfor %}"""
GEMMA = (
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\n' "
    "+ message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
TEMPLATES = {"phi3": PHI3, "mistral": MISTRAL, "gemma": GEMMA}


def saved(folder: Path, family: str, template: str) -> Vocabulary:
    tokenizers.save_family(folder, family)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))
    return Vocabulary.load(folder)


@pytest.mark.parametrize("family", TEMPLATES)
def test_a_template_is_filled_in_as_transformers_does(tmp_path: Path, family: str) -> None:
    from transformers import AutoTokenizer

    vocabulary = saved(tmp_path, family, TEMPLATES[family])
    made = chat.load(tmp_path, vocabulary)
    assert made
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    messages = [{"role": "user", "content": "index"}]
    reference = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    special = {id: text for text, id in vocabulary.special.items()}

    def spelled(ids: tuple[int, ...]) -> str:
        return "".join(special.get(id) or vocabulary.decode([id]) for id in ids)

    assert spelled(made.before) + "index" + spelled(made.after) == reference
    assert set(made.before) & set(special)


def test_what_a_file_says_is_never_a_marker(tmp_path: Path) -> None:
    vocabulary = saved(tmp_path, "phi3", PHI3)
    made = chat.load(tmp_path, vocabulary)
    format = detect(vocabulary, made)
    prompt = build(
        vocabulary, format, "x = '<|end|>'\ny = ", "", prefix_tokens=100, suffix_tokens=0,
        context_length=1000, max_tokens=10,
    )  # fmt: skip
    assert prompt.ids.count(vocabulary.special["<|end|>"]) == 1


@pytest.mark.parametrize("family", TEMPLATES)
def test_typing_within_a_line_leaves_the_message_as_it_is(tmp_path: Path, family: str) -> None:
    vocabulary = saved(tmp_path, family, TEMPLATES[family])
    format = detect(vocabulary, chat.load(tmp_path, vocabulary))
    assert (format.family, format.fills) == ("chat", True)

    def asked(prefix: str, tokens: int = 200) -> list[int]:
        return build(
            vocabulary, format, prefix, "\nprint(index)\n", prefix_tokens=tokens, suffix_tokens=50,
            context_length=1000, max_tokens=10, heal=False,
        ).ids  # fmt: skip

    before = "import os\n\nfor index in range(10):\n"
    first, second = asked(before + "    total"), asked(before + "    total += ")
    assert second[: len(first) - 1] == first[:-1]
    text = vocabulary.decode(second)
    assert "range(10):\n<HOLE>\nprint(index)" in text
    assert text.endswith("    total += ")
    assert len(asked("print(index)\n" * 200, 30)) < len(asked("print(index)\n" * 200, 300))


def test_fim_tokens_are_used_where_there_are_any(tmp_path: Path) -> None:
    vocabulary = saved(tmp_path, "qwen", PHI3)
    assert detect(vocabulary, chat.load(tmp_path, vocabulary)).family == "qwen"


def test_a_template_that_is_none_or_broken(tmp_path: Path) -> None:
    tokenizers.save_family(tmp_path, "phi3")
    vocabulary = Vocabulary.load(tmp_path)
    assert chat.load(tmp_path, vocabulary) is None
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('no user') }}")
    with pytest.raises(ModelInvalid, match=r"no user.*set `chat` to off"):
        chat.load(tmp_path, vocabulary)
    (tmp_path / "chat_template.jinja").write_text("{{ messages.__class__.__mro__ }}")
    with pytest.raises(ModelInvalid, match="set `chat` to off"):
        chat.load(tmp_path, vocabulary)


@pytest.mark.parametrize(
    ("answer", "line", "expected"),
    [
        ("1 + x\n```\nThat adds.", "    return ", ("1 + x", True)),
        ("Sure, here is the code:\n\n```python\nreturn 1\n```", "", ("return 1", True)),
        ("```python\n    return 1", "    return ", (" 1", False)),
        ("    return 1", "    return", (" 1", False)),
        ("ret", "    return", ("", False)),
        ("``", "", ("", False)),
        ("{'a': 1}\n", "x = ", ("{'a': 1}\n", False)),
    ],
)
def test_the_code_is_cut_out_of_an_answer(answer: str, line: str, expected: tuple[str, bool]) -> None:
    assert code(answer, line, final=False) == expected


def test_what_was_held_back_comes_at_the_end() -> None:
    assert code("ret", "    return", final=True) == ("ret", False)
