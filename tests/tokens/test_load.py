import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from gguf import GGUFWriter, TokenType

from slm_lsp.errors import ModelInvalid
from slm_lsp.tokens import chat
from slm_lsp.tokens.load import unpack_gguf
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import CORPUS, FAMILIES, added, save, save_family, tokenizer

TEXT = CORPUS[1] + "x = 2026  # é😀 <|im_end|></s>"


def write(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_gives_the_familys_vocabulary(name: str, tmp_path: Path) -> None:
    save_family(tmp_path, name)
    it = Vocabulary.load(tmp_path)
    assert it.special.keys() == set(added(name))
    assert it.bos_id == it.special.get(FAMILIES[name].bos or "")
    assert it.special[FAMILIES[name].eos] in it.end_ids
    assert it.decode(it.encode(TEXT)) == TEXT


def test_ends_come_from_every_file_that_names_them(tmp_path: Path) -> None:
    made = save_family(tmp_path, "mellum")
    ids = {text: made.token_to_id(text) for text in added("mellum")}
    write(tmp_path / "special_tokens_map.json", eos_token={"content": "<user>", "special": True})
    write(tmp_path / "generation_config.json", eos_token_id=[ids["<think>"], 10**6])
    write(tmp_path / "config.json", eos_token_id=ids["<pr>"] if "<pr>" in ids else ids["<gh_stars>"])
    ends = ("<|endoftext|>", "<user>", "<think>", "<gh_stars>")
    assert Vocabulary.load(tmp_path).end_ids == {ids[end] for end in ends}


def test_the_configuration_may_add_or_drop_what_goes_before(tmp_path: Path) -> None:
    save(tmp_path, tokenizer("llama"), "</s>", bos_token={"content": "<s>"}, add_bos_token=False)
    assert Vocabulary.load(tmp_path).bos_id is None
    save(tmp_path, tokenizer("smollm"), "<|im_end|>", bos_token="<|im_start|>", add_bos_token=True)
    it = Vocabulary.load(tmp_path)
    assert it.bos_id == it.special["<|im_start|>"]


@pytest.mark.parametrize("name", ["smollm", "qwen"])
def test_vocabulary_and_merges_do_without_a_tokenizer_json(name: str, tmp_path: Path) -> None:
    expected = Vocabulary(tokenizer(name))
    model = json.loads(tokenizer(name).to_str())["model"]
    write(tmp_path / "vocab.json", **model["vocab"])
    merges = "\n".join(" ".join(merge) for merge in model["merges"])
    (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
    decoder = {id: {"content": text, "special": True} for text, id in expected.special.items()}
    kind = {"smollm": "GPT2Tokenizer", "qwen": "Qwen2Tokenizer"}[name]
    eos = FAMILIES[name].eos
    write(
        tmp_path / "tokenizer_config.json",
        tokenizer_class=kind,
        added_tokens_decoder=decoder,
        eos_token=eos,
        unk_token=eos,
        bos_token=eos,
        pad_token=eos,
    )
    it = Vocabulary.load(tmp_path)
    assert it.decode(it.encode(TEXT)) == TEXT
    assert it.special == expected.special
    assert it.bos_id is None


def train(folder: Path, kind: str) -> Path:
    """Train a tokenizer of sentencepiece's on the corpus."""
    (folder / "corpus.txt").write_text("".join(CORPUS), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "tokenizer"),
        model_type=kind,
        vocab_size=420,
        byte_fallback=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        user_defined_symbols=["[INST]"],
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return folder / "tokenizer.model"


@pytest.mark.parametrize("configured", [True, False])
def test_sentencepiece_agrees_on_the_ids(configured: bool, tmp_path: Path) -> None:
    reference = sentencepiece.SentencePieceProcessor(model_file=str(train(tmp_path, "bpe")))
    if configured:
        write(tmp_path / "tokenizer_config.json", eos_token="</s>", bos_token="<s>", add_bos_token=True)
    it = Vocabulary.load(tmp_path)
    assert (it.bos_id, [*it.end_ids], it.lead) == (1, [2], " ")
    for text in (*CORPUS, "  for  item", "x = 2026 é😀", "<s>main</s>", "\n\n    return"):
        assert it.encode(it.lead + text) == reference.encode(text)
        assert it.decode(it.encode(text)) == text
    assert "[INST]" in it.special


def test_a_sentencepiece_model_that_is_damaged_or_no_bpe_is_refused(tmp_path: Path) -> None:
    path = train(tmp_path, "unigram")
    with pytest.raises(ModelInvalid, match="is no BPE of sentencepiece's; put the model's"):
        Vocabulary.load(tmp_path)
    whole = path.read_bytes()
    for half in (whole[:-1], whole[: len(whole) // 2], b"\x0a"):
        path.write_bytes(half)
        with pytest.raises(ModelInvalid, match="fetch it again"):
            Vocabulary.load(tmp_path)


def write_gguf(path: Path, name: str, pre: str, add_bos: bool | None, template: str = "") -> None:
    made, special = tokenizer(name), Vocabulary(tokenizer(name)).special
    ids = made.get_vocab()
    tokens = sorted(ids, key=ids.__getitem__)
    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in json.loads(made.to_str())["model"]["merges"]])
    writer.add_eos_token_id(special[FAMILIES[name].eos])
    writer.add_bos_token_id(special["<|im_start|>"])
    if add_bos is not None:
        writer.add_add_bos_token(add_bos)
    if template:
        writer.add_chat_template(template)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


@pytest.mark.parametrize(("name", "pre"), [("smollm", "smollm"), ("qwen", "qwen2")])
def test_a_gguf_file_gives_its_vocabulary(name: str, pre: str, tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", name, pre, add_bos=False)
    expected = Vocabulary(tokenizer(name), [FAMILIES[name].eos])
    it = Vocabulary.from_gguf(tmp_path / "model.gguf")
    assert it.encode(TEXT) == expected.encode(TEXT)
    assert it.special == expected.special
    assert it.end_ids == expected.end_ids
    assert it.bos_id is None


@pytest.mark.parametrize(("add_bos", "bos"), [(None, "<|im_start|>"), (True, "<|im_start|>"), (False, "")])
def test_a_llama_3_gguf_file_starts_every_text_unless_it_says_not_to(
    add_bos: bool | None, bos: str, tmp_path: Path
) -> None:
    write_gguf(tmp_path / "model.gguf", "qwen", "llama-bpe", add_bos)
    it = Vocabulary.from_gguf(tmp_path / "model.gguf")
    assert it.bos_id == it.special.get(bos)
    assert it.decode(it.encode(TEXT)) == TEXT


def test_what_a_gguf_file_holds_can_be_unpacked_chat_template_and_all(tmp_path: Path) -> None:
    template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    write_gguf(tmp_path / "model.gguf", "smollm", "smollm", add_bos=False, template=template)
    unpack_gguf(tmp_path / "model.gguf", tmp_path)
    it = Vocabulary.load(tmp_path)
    expected = Vocabulary.from_gguf(tmp_path / "model.gguf")
    assert it.same_as(expected)
    assert (it.end_ids, it.bos_id, it.encode(TEXT)) == (expected.end_ids, None, expected.encode(TEXT))
    asked = chat.load(tmp_path, it)
    assert asked
    assert asked.before == (it.special["<|im_start|>"], *it.encode("user\n"))
    assert asked.after == (it.special["<|im_end|>"],)


def test_what_can_not_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="holds no tokenizer"):
        Vocabulary.load(tmp_path)
    save_family(tmp_path, "smollm")
    whole = (tmp_path / "tokenizer.json").read_bytes()
    (tmp_path / "tokenizer.json").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelInvalid, match="can't be read"):
        Vocabulary.load(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(whole)
    (tmp_path / "tokenizer_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelInvalid, match="not JSON"):
        Vocabulary.load(tmp_path)
    (tmp_path / "model.gguf").write_bytes(b"GGUF nonsense")
    with pytest.raises(ModelInvalid, match="can't be read"):
        Vocabulary.from_gguf(tmp_path / "model.gguf")


def test_a_tokenizer_json_is_read_without_transformers(tmp_path: Path) -> None:
    save_family(tmp_path, "smollm")
    code = (
        "import sys, pathlib; from slm_lsp.tokens.vocabulary import Vocabulary;"
        f"Vocabulary.load(pathlib.Path({str(tmp_path)!r})).encode('x');"
        "sys.exit('transformers' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
