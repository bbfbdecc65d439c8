"""Near-duplicates within what is learned, and overlap with what is measured."""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from datasketch import MinHash, MinHashLSH

from slm_lsp.tuning.examples import File
from slm_lsp.tuning.files import Tally

_WORD = re.compile(r"\w+|[^\w\s]")
SHINGLE = 5
"""Words in a shingle of the near-duplicate search."""

SIMILARITY = 0.8
"""Jaccard similarity of shingles from which two files count as the same."""

NGRAM = 13
"""Words in the n-grams that give an evaluation task away (GPT-3's choice, Brown et al. 2020, appendix C)."""


def without_near_duplicates(files: Iterable[File], tally: Tally) -> Iterator[File]:
    """Yield the files that do not repeat an earlier one, by MinHash over shingles of words."""
    index = MinHashLSH(threshold=SIMILARITY, num_perm=64)
    for number, file in enumerate(files):
        words = _WORD.findall(file.text)
        shingles = {" ".join(words[at : at + SHINGLE]) for at in range(0, len(words), 1)}
        sketch = MinHash(num_perm=64, seed=1)
        sketch.update_batch([shingle.encode() for shingle in sorted(shingles)])
        if index.query(sketch):
            tally.leave("near-duplicate")
            continue
        index.insert(str(number), sketch)
        yield file


class Tasks:
    """The n-grams of the evaluation tasks that must not be learned from."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._grams = {gram for text in texts for gram in _grams(text)}

    @classmethod
    def load(cls, paths: Iterable[Path]) -> "Tasks":
        """Read infilling sets (JSON lines, gzipped): prompt, canonical solution and suffix of each task."""
        texts = set()
        for path in paths:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    task = json.loads(line)
                    texts.add(task["prompt"] + task["canonical_solution"] + task["suffix"])
        return cls(texts)

    def removed(self, files: Iterable[File], tally: Tally) -> Iterator[File]:
        """Yield the files that share no n-gram with a task."""
        for file in files:
            if any(gram in self._grams for gram in _grams(file.text)):
                tally.leave("evaluation task")
            else:
                yield file


def _grams(text: str) -> Iterator[bytes]:
    words = [word.lower() for word in re.findall(r"\w+", text)]
    for at in range(len(words) - NGRAM + 1):
        yield hashlib.blake2b(" ".join(words[at : at + NGRAM]).encode(), digest_size=8).digest()
