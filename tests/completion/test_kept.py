import os
import shutil
from pathlib import Path

from slm_lsp.completion.kept import LONGEST_WRITE, sweep
from slm_lsp.completion.learning import Kept, Learner
from slm_lsp.context.workspace import Workspace
from slm_lsp.memory import disk
from slm_lsp.memory.segment import Segment
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer


def learned(kept: Kept) -> None:
    learner = Learner(Vocabulary(tokenizer("smollm")), lambda: kept)
    assert not any(learner.louder)
    learner.save()


def test_what_is_kept_of_a_folder_that_is_gone_goes_as_well(tmp_path: Path) -> None:
    index, roots, workspace = tmp_path / "index", [tmp_path / "here", tmp_path / "gone"], Workspace()
    for root in roots:
        root.mkdir()
        workspace.index(root, index, watched=True)
    workspace.settle()
    workspace.shut_down()
    for name, kept in (("here", roots[:1]), ("both", roots), ("gone", roots[1:])):
        disk.save(index / f"{name}.memory", Segment.build({}, 50), {}, "tokenizer", kept)
        learned(Kept(index / f"{name}.learned", kept))
    for name, age in (("old", LONGEST_WRITE + 60), ("new", 0)):
        (index / f"{name}.partial").touch()
        made = (index / f"{name}.partial").stat().st_mtime - age
        os.utime(index / f"{name}.partial", (made, made))
    shutil.rmtree(roots[1])
    sweep(index)
    assert {file.name for file in index.glob("*.memory")} == {"here.memory", "both.memory"}
    assert {file.name for file in index.glob("*.learned")} == {"here.learned", "both.learned"}
    assert {file.name for file in index.glob("*.partial")} == {"new.partial"}
    (left,) = index.glob("*.sqlite")
    assert {file.stem for file in index.glob("*.*")} == {left.stem, "here", "both", "new"}
