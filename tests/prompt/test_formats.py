import pytest

from slm_lsp.prompt.formats import FAMILIES as ROWS
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import FAMILIES, added, tokenizer

STARCODER = "<fim_prefix>P<fim_suffix>S<fim_middle>"
QWEN = "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"

PROMPTS = {
    "qwen": ("qwen", QWEN),
    "codegemma": ("codegemma", f"<bos>{QWEN}"),
    "granite4": ("granite4", QWEN),
    "starcoder2": ("starcoder2", STARCODER),
    "starcoder": ("starcoder", STARCODER),
    "santacoder": ("santacoder", "<fim-prefix>P<fim-suffix>S<fim-middle>"),
    "mellum": ("mellum", "<fim_suffix>S<fim_prefix>P<fim_middle>"),
    "codellama": ("codellama", "<s>▁<PRE>P▁<SUF>S▁<MID>"),
    "deepseek": ("deepseek", "<｜begin▁of▁sentence｜><｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"),
    "codestral": ("codestral", "<s>[SUFFIX]S[PREFIX]P"),
    "smollm-tuned": ("slm", "[SUFFIX]S[PREFIX]P"),
    "seed-coder": (
        "seed-coder",
        "<[begin▁of▁sentence]><[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
    ),
    "smollm": ("plain", "P"),
    "gemma": ("plain", "<bos>P"),
    "llama": ("plain", "<s>P"),
    "mistral": ("plain", "<s>P"),
    "phi3": ("plain", "<s>P"),
}


def spelled(vocabulary: Vocabulary, ids: list[int]) -> str:
    """A prompt as text, its special tokens included."""
    names = {id: text for text, id in vocabulary.special.items()}
    return "".join(names.get(id) or vocabulary.decode([id]) for id in ids)


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_is_known_by_its_tokens_and_asked_its_way(name: str) -> None:
    vocabulary = Vocabulary(tokenizer(name))
    format = detect(vocabulary)
    family, prompt = PROMPTS[name]
    ids = format.render(vocabulary.encode("P"), vocabulary.encode("S"))
    assert format.family == family
    assert spelled(vocabulary, ids) == prompt
    assert format.fills == (family != "plain")


@pytest.mark.parametrize("name", FAMILIES)
def test_no_special_token_can_leak_into_the_editor(name: str) -> None:
    vocabulary = Vocabulary(tokenizer(name))
    format = detect(vocabulary)
    assert format.stop_ids == {tokenizer(name).token_to_id(text) for text in added(name)}


def test_every_row_is_told_from_the_rows_after_it() -> None:
    """A row whose markers are a subset of a later row's would hide that row."""
    for index, row in enumerate(ROWS):
        for later in ROWS[index + 1 :]:
            assert not set(row.markers) <= set(later.markers), (row.name, later.name)


@pytest.mark.parametrize(
    ("name", "start"), [("smollm", "<|endoftext|>"), ("llama", "<s>"), ("gemma", "<bos>")]
)
def test_an_empty_file_begins_after_the_end_of_another(name: str, start: str) -> None:
    vocabulary = Vocabulary(tokenizer(name))
    assert detect(vocabulary).render([], []) == [vocabulary.special[start]]


def test_other_files_stand_between_the_beginning_and_the_markers() -> None:
    vocabulary = Vocabulary(tokenizer("codegemma"))
    ids = detect(vocabulary).render(vocabulary.encode("P"), vocabulary.encode("S"), vocabulary.encode("C"))
    assert spelled(vocabulary, ids) == f"<bos>C{QWEN}"
