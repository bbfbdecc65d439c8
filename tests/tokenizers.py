"""Small real tokenizers of the model families: their kind of BPE, with their own special tokens and flags.

The vocabularies are learned from `CORPUS`; the rest is as the families ship it where it bears on prompts.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = (
    "def main(argv: list[str]) -> int:\n    for index, name in enumerate(argv):\n        print(index, name)\n"
    '    return 0\n\n\nif __name__ == "__main__":\n    main(sys.argv)\n',
    "class Account:\n    def __init__(self, owner: str) -> None:\n        self.owner = owner\n"
    "        self.balance = 0\n\n    def deposit(self, amount: int) -> None:\n"
    "        self.balance += amount\n",
    "export function total(items: Item[]): number {\n  let sum = 0;\n  for (const item of items) {\n"
    "    sum += item.price * item.count;\n  }\n  return sum;\n}\n",
    'func (q *Queue) Push(value int) error {\n\tif q.full() {\n\t\treturn errors.New("full")\n\t}\n'
    "\tq.values = append(q.values, value)\n\treturn nil\n}\n",
)

_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
_GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
_PRE_TOKENIZERS = {
    "digits": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _GPT2]),
    "qwen": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(
                    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
                ),
                behavior="isolated",
            ),
            _BYTES,
        ]
    ),
}
"""How the byte-level families cut text before the merges; the others are sentencepiece's."""

_QWEN_FIM = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>")
_STARCODER_FIM = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")
_STARCODER_MORE = ("<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>")
_SMOLLM = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>"),
    *(
        "<gh_stars>",
        *_STARCODER_MORE,
        "<jupyter_code>",
        "<jupyter_output>",
        "<jupyter_script>",
        "<empty_output>",
    ),
)


@dataclass(frozen=True)
class Family:
    """How a family's tokenizer is made.

    `special` tokens are declared so; `markers` are added tokens that are not, though they are no text, and
    `texts` are added tokens that are text. `lead` says how a sentencepiece tokenizer puts a space first.
    """

    eos: str
    special: tuple[str, ...]
    bos: str | None = None
    pre_tokenizer: str | None = None
    normalizer: Any = None
    markers: tuple[AddedToken, ...] = ()
    texts: tuple[str, ...] = ()
    lead: str = ""
    config: dict[str, Any] = field(default_factory=dict)


FAMILIES: dict[str, Family] = {
    "qwen": Family(
        "<|endoftext|>",
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *_QWEN_FIM, "<|repo_name|>", "<|file_sep|>"),
        pre_tokenizer="qwen",
        normalizer=normalizers.NFC(),
        markers=(AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False)),
    ),
    "codegemma": Family(
        "<eos>",
        (
            "<pad>",
            "<eos>",
            "<bos>",
            "<unk>",
            *_QWEN_FIM[:3],
            "<|file_separator|>",
            "<start_of_turn>",
            "<end_of_turn>",
        ),
        bos="<bos>",
        texts=("\n\n", "\n\n\n", "\t\t", "<table>", "</table>", "<h1>", "</code>"),
    ),
    "gemma": Family(
        "<eos>",
        ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
        bos="<bos>",
        texts=("\n\n", "\n\n\n", "<table>", "<h1>"),
    ),
    "granite4": Family(
        "<|end_of_text|>",
        (
            "<|end_of_text|>",
            "<|start_of_role|>",
            "<|end_of_role|>",
            *_QWEN_FIM,
            "<|filename|>",
            "<|reponame|>",
        ),
        pre_tokenizer="qwen",
    ),
    "starcoder2": Family(
        "<|endoftext|>",
        ("<|endoftext|>", *_STARCODER_FIM, "<repo_name>", "<file_sep>", *_STARCODER_MORE, "<pr>"),
        pre_tokenizer="digits",
    ),
    "starcoder": Family(
        "<|endoftext|>",
        ("<|endoftext|>", *_STARCODER_FIM, "<filename>", "<gh_stars>", *_STARCODER_MORE, "<reponame>"),
        pre_tokenizer="digits",
    ),
    "mellum": Family(
        "<|endoftext|>",
        (
            *("<|endoftext|>", *_STARCODER_FIM, "<filename>", "<gh_stars>", *_STARCODER_MORE, "<reponame>"),
            *(
                "<system>",
                "</system>",
                "<user>",
                "</user>",
                "<assistant>",
                "</assistant>",
                "<think>",
                "</think>",
            ),
        ),
        pre_tokenizer="digits",
    ),
    "santacoder": Family(
        "<|endoftext|>",
        ("<|endoftext|>", "<fim-prefix>", "<fim-middle>", "<fim-suffix>", "<fim-pad>"),
        pre_tokenizer="digits",
    ),
    "codellama": Family(
        "</s>",
        ("<unk>", "<s>", "</s>", "▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"),
        bos="<s>",
        lead="normalizer",
    ),
    "deepseek": Family(
        "<｜end▁of▁sentence｜>",
        ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
        bos="<｜begin▁of▁sentence｜>",
        pre_tokenizer="qwen",
        markers=tuple(
            AddedToken(text, normalized=True)
            for text in ("<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>", "<|EOT|>")
        ),
    ),
    "codestral": Family(
        "</s>",
        ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]"),
        bos="<s>",
        lead="pre_tokenizer",
    ),
    "seed-coder": Family(
        "<[end▁of▁sentence]>",
        (
            "<[begin▁of▁sentence]>",
            "<[end▁of▁sentence]>",
            "<[fim-prefix]>",
            "<[fim-suffix]>",
            "<[fim-middle]>",
        ),
        bos="<[begin▁of▁sentence]>",
        pre_tokenizer="qwen",
    ),
    "smollm": Family("<|im_end|>", _SMOLLM, pre_tokenizer="digits", config={"bos_token": "<|im_start|>"}),
    "smollm-tuned": Family(
        "<|im_end|>",
        tuple(
            {"<empty_output>": "[SUFFIX]", "<jupyter_script>": "[PREFIX]"}.get(one, one) for one in _SMOLLM
        ),
        pre_tokenizer="digits",
        config={"bos_token": "<|im_start|>"},
    ),
    "llama": Family("</s>", ("<unk>", "<s>", "</s>"), bos="<s>", lead="normalizer"),
    "mistral": Family("</s>", ("<unk>", "<s>", "</s>", "[INST]", "[/INST]"), bos="<s>", lead="pre_tokenizer"),
    "phi3": Family(
        "<|endoftext|>",
        ("<unk>", "<s>", "<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>"),
        bos="<s>",
        lead="normalizer",
        markers=(AddedToken("</s>", rstrip=True, normalized=False, special=False),),
    ),
}
"""Every family, and how its tokenizer is made."""


def tokenizer(name: str) -> Tokenizer:
    """Make the tokenizer of a family, a new one each time."""
    family = FAMILIES[name]
    made = _sentencepiece(family) if family.pre_tokenizer is None else _byte_level(family)
    made.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in family.special])
    made.add_tokens(list(family.markers))
    made.add_tokens([AddedToken(text, normalized=False) for text in family.texts])
    if family.bos:
        bos = made.token_to_id(family.bos)
        made.post_processor = processors.TemplateProcessing(
            single=f"{family.bos}:0 $A:0", special_tokens=[(family.bos, bos)]
        )
    elif family.pre_tokenizer is not None:
        # As GPT-2's tokenizer.json has it; it would trim white space from the offsets.
        made.post_processor = processors.ByteLevel(trim_offsets=True)
    return made


def added(name: str) -> tuple[str, ...]:
    """Return the texts of a family's special tokens, whether they are declared so or not."""
    return (*FAMILIES[name].special, *(token.content for token in FAMILIES[name].markers))


def save(folder: Path, tokenizer: Tokenizer, eos: str, **config: Any) -> None:
    """Write a tokenizer into a model folder in Hugging Face layout; `config` goes to its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos, **config}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def save_family(folder: Path, name: str) -> Tokenizer:
    """Write a family's tokenizer into a model folder, and return it."""
    family, made = FAMILIES[name], tokenizer(name)
    config = {"bos_token": family.bos, "add_bos_token": True} if family.bos else {}
    save(folder, made, family.eos, **config, **family.config)
    return made


def _byte_level(family: Family) -> Tokenizer:
    assert family.pre_tokenizer
    learned, merges = _learned(family.pre_tokenizer)
    # Special tokens come first, as in most families, so that text does not begin at id 0.
    vocab = {text: id for id, text in enumerate([*family.special, *learned])}
    made = Tokenizer(models.BPE(vocab, merges))
    made.pre_tokenizer = _PRE_TOKENIZERS[family.pre_tokenizer]
    made.decoder = decoders.ByteLevel()
    if family.normalizer:
        made.normalizer = family.normalizer
    return made


def _sentencepiece(family: Family) -> Tokenizer:
    learned, merges = _learned(None)
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    vocab = {text: id for id, text in enumerate([*family.special, *fallback, *learned])}
    made = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if family.lead == "pre_tokenizer":
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    elif family.lead == "normalizer":
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        made.normalizer = normalizers.Replace(" ", "▁")
    strip = [decoders.Strip(" ", 1, 0)] if family.lead else []
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return made


@cache
def _learned(pre_tokenizer: str | None) -> tuple[list[str], list[tuple[str, str]]]:
    """Learn a vocabulary, and merges, from the corpus."""
    learner = Tokenizer(models.BPE())
    if pre_tokenizer:
        learner.pre_tokenizer = _PRE_TOKENIZERS[pre_tokenizer]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        learner.normalizer = normalizers.Replace(" ", "▁")
        learner.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁*[^▁\n]+|▁+|\n+"), behavior="isolated")
        alphabet = []
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator(CORPUS, trainer)
    model = json.loads(learner.to_str())["model"]
    return list(model["vocab"]), [tuple(merge) for merge in model["merges"]]
