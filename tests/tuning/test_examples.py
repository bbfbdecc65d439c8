import random

import pytest

from slm_lsp.errors import ModelInvalid
from slm_lsp.prompt.build import build
from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning.examples import Example, Examples, File
from slm_lsp.tuning.layout import Layout, layout
from slm_lsp.tuning.neighbours import Neighbours
from tests import tokenizers
from tests.tuning.samples import PYTHON


def drawn(vocabulary: Vocabulary, taught: Layout, number: int) -> list[Example]:
    examples, rng = (
        Examples(File("geometry/circle.py", "python", PYTHON), vocabulary, taught, Neighbours(()).snippets),
        random.Random(1),
    )
    found = (examples.draw(rng, 200) for _ in range(number))
    return [example for example in found if example is not None]


def test_the_middle_fills_the_hole(vocabulary: Vocabulary, taught: Layout) -> None:
    for example in drawn(vocabulary, taught, 300):
        if example.kind == "plain" or example.ids[-1] != taught.end:
            continue
        suffix_end = example.prefix_at - 1
        assert example.ids[0] == taught.format.suffix_id
        assert example.ids[suffix_end] == taught.format.prefix_id
        suffix = vocabulary.decode(example.ids[1:suffix_end])
        written = vocabulary.decode(example.ids[example.prefix_at : -1])
        written = written.removeprefix("# geometry/circle.py\n").removeprefix("# python\n")
        assert written + suffix in PYTHON


def test_a_prompt_in_use_is_one_met_in_training(vocabulary: Vocabulary, taught: Layout) -> None:
    """The engine heals the prompt; were training split elsewhere, it would meet boundaries never seen."""
    for example in drawn(vocabulary, taught, 200):
        if example.kind == "plain":
            continue
        prompt = example.ids[: example.middle_at]
        suffix = vocabulary.decode(prompt[1 : example.prefix_at - 1])
        prefix = vocabulary.decode(prompt[example.prefix_at :])
        if not prefix or prefix[-1].isspace():
            continue
        used = build(
            vocabulary,
            taught.format,
            prefix + "\n",
            suffix,
            prefix_tokens=600,
            suffix_tokens=400,
            context_length=2048,
            max_tokens=16,
        )
        assert used.ids == prompt


def test_the_path_or_the_language_stands_before_some_and_not_before_others(
    vocabulary: Vocabulary, taught: Layout
) -> None:
    texts = [
        vocabulary.decode(example.ids[example.prefix_at :]) for example in drawn(vocabulary, taught, 300)
    ]
    paths = sum(text.startswith("# geometry/circle.py\n") for text in texts)
    languages = sum(text.startswith("# python\n") for text in texts)
    assert 0.2 < paths / len(texts) < 0.4
    assert 0.05 < languages / len(texts) < 0.2


def test_some_is_plain_text_and_some_has_no_suffix(vocabulary: Vocabulary, taught: Layout) -> None:
    examples = drawn(vocabulary, taught, 400)
    plain = [example for example in examples if example.kind == "plain"]
    assert plain
    assert not any(set(example.ids) & set(taught.trained) for example in plain)
    assert any(example.kind != "plain" and example.prefix_at == 2 for example in examples)


def test_a_file_that_spells_a_marker_stays_text(vocabulary: Vocabulary, taught: Layout) -> None:
    text = PYTHON.replace("best", "<issue_closed><|endoftext|>")
    examples, rng = (
        Examples(File("a.py", "python", text), vocabulary, taught, Neighbours(()).snippets),
        random.Random(1),
    )
    for _ in range(50):
        if (example := examples.draw(rng, 300)) is not None and example.kind != "plain":
            assert [id for id in example.ids if id == taught.format.prefix_id] == [taught.format.prefix_id]
            assert taught.end not in example.ids[:-1]


def test_a_model_with_its_own_format_keeps_it() -> None:
    vocabulary = Vocabulary(tokenizers.tokenizer("qwen"))
    own = layout(vocabulary)
    assert own.trained == ()
    assert own.rename == {}
    example = next(one for one in drawn(vocabulary, own, 50) if one.kind != "plain")
    assert example.ids[0] == own.format.prefix_id
    assert example.ids[example.middle_at - 1] == own.format.middle_id
    assert example.prefix_at == example.middle_at


def test_a_vocabulary_without_tokens_to_spare_can_not_be_tuned() -> None:
    with pytest.raises(ModelInvalid, match="nor any to spare"):
        layout(Vocabulary(tokenizers.tokenizer("mistral")))
