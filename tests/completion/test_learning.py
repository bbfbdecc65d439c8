"""Learning from what is typed where memory spoke: the right token, once, and only where that can be told."""

from pathlib import Path

import numpy as np
import pytest

from slm_lsp.completion.learning import Kept, Learner, roots
from slm_lsp.engine.interface import Remembered
from slm_lsp.memory.kernels.plan import VOICES
from slm_lsp.memory.weights import OWN, WORKSPACE
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

VOCABULARY = Vocabulary(tokenizer("qwen"))
(NAME,) = VOCABULARY.encode("name")
"""What memory said comes next."""

BEFORE = "import os\nself."


def document(text: str, name: str = "a.py") -> Snapshot:
    return Snapshot(f"file:///{name}", "python", 1, tuple(split(text)), None)


def spoken(text: str, tail: str = "", kept: Kept | None = None) -> Learner:
    """A learner, after memory spoke at the `|` of a text, where `tail` was written again."""
    before, after = text.split("|")
    learner = Learner(VOCABULARY, lambda: kept)
    assert not any(learner.louder)
    *above, line = split(before)
    noted = learner.at(document(before + after), len(above), len(line) - len(tail), len(line))
    shares, quiet = np.eye(VOICES)[:, :1], np.zeros(VOICES)
    noted(Remembered(np.array([NAME]), shares, quiet, quiet, quiet + 0.5), 1.0, np.log([0.1]))
    return learner


def test_what_was_typed_as_memory_said_makes_it_louder() -> None:
    learner = spoken(BEFORE + "|\n")
    learner.look(document(BEFORE + "name.close\n"))
    assert learner.louder[WORKSPACE] > 0
    assert learner.louder[OWN] == 0


def test_what_was_typed_otherwise_makes_it_less_loud() -> None:
    learner = spoken(BEFORE + "|\n")
    learner.look(document(BEFORE + "client.close\n"))
    assert learner.louder[WORKSPACE] < 0


@pytest.mark.parametrize(
    "now",
    [
        "import os\nself.\n",
        "import os\nself.na\n",
        "import sys\nself.name.close\n",
        "import os\nthat.name.close\n",
        "import os\n",
        "",
    ],
)
def test_where_nothing_can_be_told_nothing_is_learned(now: str) -> None:
    learner = spoken(BEFORE + "|\n")
    learner.look(document(now))
    learner.look(document(BEFORE + "name.close\n", "another.py"))
    learner.look(None)
    assert not any(learner.louder)


def test_what_was_after_the_cursor_was_not_typed() -> None:
    learner = spoken("f(self.|name.close)\n")
    learner.look(document("f(self.name.close)\n"))
    assert not any(learner.louder)
    learner.look(document("f(self.client.count, name.close)\n"))
    assert learner.louder[WORKSPACE] < 0


def test_a_half_typed_word_counts_once_it_is_whole() -> None:
    learner = spoken(BEFORE + "na|\n", "na")
    learner.look(document(BEFORE + "name\n"))
    assert not any(learner.louder)
    learner.look(document(BEFORE + "name.close()\nreturn\n"))
    assert learner.louder[WORKSPACE] > 0


def test_each_place_counts_once() -> None:
    learner = spoken(BEFORE + "|\n")
    learner.look(document(BEFORE + "name.close\n"))
    once = learner.louder
    learner.look(document(BEFORE + "name.close()\n"))
    assert learner.louder == once


def test_what_was_learned_is_there_in_the_next_session_and_has_no_text(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "index" / "a.learned", [tmp_path / "project"])
    learner = spoken(BEFORE + "|\n", kept=kept)
    learner.look(document(BEFORE + "name.close\n"))
    learner.save()
    assert Learner(VOCABULARY, lambda: kept).louder == learner.louder
    assert roots(kept.file) == [tmp_path / "project"]
    assert "name" not in kept.file.read_text("utf-8")
    other = Vocabulary(tokenizer("smollm"))
    assert not any(Learner(other, lambda: kept).louder)


@pytest.mark.parametrize("harm", ["", "{}", '{"version": 1, "key": "x", "numbers": "many"}', "\0"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, harm: str) -> None:
    kept = Kept(tmp_path / "a.learned", [])
    kept.file.write_text(harm, "utf-8")
    assert not any(Learner(VOCABULARY, lambda: kept).louder)
    assert roots(kept.file) is None
