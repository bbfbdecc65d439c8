"""The workspace's memory follows its files and buffers, and leaves out what may not be shown."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from slm_lsp.completion.context import Contexts
from slm_lsp.completion.cursor import look
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import prompt_of, remembered
from slm_lsp.completion.remembering import WorkspaceMemory
from slm_lsp.completion.request import CompletionRequest
from slm_lsp.config import Settings
from slm_lsp.context.workspace import Workspace
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.memory import disk
from slm_lsp.memory.weights import WORKSPACE
from slm_lsp.prompt.formats import detect
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

MEGABYTES = 50
CODE = "def settle(account, amount):\n    account.balance -= amount\n    return account\n"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(tokenizer("qwen"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    (root / "bank.py").write_text(CODE, "utf-8")
    return root


class Session:
    """A workspace with its memory, as a session of the server has them."""

    def __init__(self, root: Path, vocabulary: Vocabulary, folder: Path | None = None) -> None:
        self.workspace, self.vocabulary, self.root = Workspace(), vocabulary, root
        self.memory = WorkspaceMemory(self.workspace, folder)
        self.workspace.index(root, root.parent / "index", watched=True)

    def document(self, name: str, text: str, version: int = 1) -> Snapshot:
        path = self.root / name
        return Snapshot(path.as_uri(), "python", version, tuple(split(text)), path)

    def next(self, name: str, before: str) -> str:
        """Return what memory would write at the end of a document, token after token."""
        self.workspace.settle()
        self.memory.settle(self.vocabulary, MEGABYTES)
        last = self.vocabulary.encode(before)
        recall = self.memory.at(self.vocabulary, self.document(name, before), before, "", last, MEGABYTES)
        written: list[int] = []
        while (said := recall.said_after(written)) and len(written) < 12:
            loudest = max(said, key=lambda one: one.loudness)
            written.append(max(loudest.told, key=lambda token: (loudest.told[token], -token)))
        return self.vocabulary.decode(written)

    def close(self) -> None:
        self.memory.shut_down()
        self.workspace.shut_down()


@pytest.fixture
def session(root: Path, vocabulary: Vocabulary) -> Iterator[Session]:
    made = Session(root, vocabulary)
    yield made
    made.close()


def test_what_other_files_say_is_remembered(session: Session) -> None:
    assert session.next("new.py", "    account.balance -=").startswith(" amount\n")


def test_a_file_is_no_memory_for_itself_but_its_text_is(session: Session) -> None:
    assert session.next("bank.py", "    account.bal") == ""
    text = "    wallet.open(key)\n    wallet.open("
    assert session.next("bank.py", text).startswith("key)")


def test_a_half_typed_word_is_not_remembered_as_what_stands_there(session: Session) -> None:
    text = "amount = 1\n\nother = am"
    document, format = session.document("new.py", text), detect(session.vocabulary)
    model = LoadedModel("scripted", ScriptedEngine({}), session.vocabulary, format)
    request = CompletionRequest(document, 2, len("other = am"), contexts=Contexts(session.workspace))
    prompt = prompt_of(model, request, Settings())
    recall = remembered(model, request, look(request)[1], Settings(), prompt)
    assert recall
    (half,) = session.vocabulary.encode(prompt.tail)
    told = {id for one in recall.said_after() for id in one.told}
    assert told
    assert half not in told


def test_open_buffers_count_as_they_are(session: Session) -> None:
    session.workspace.open(session.document("bank.py", CODE.replace("amount", "sum"), 2))
    assert session.next("new.py", "    account.balance -=").startswith(" sum\n")
    session.workspace.close(session.document("bank.py", CODE).uri)
    assert session.next("new.py", "    account.balance -=").startswith(" amount\n")


def test_deleted_files_are_forgotten(session: Session, root: Path) -> None:
    assert session.next("new.py", "    account.balance -=")
    (root / "bank.py").unlink()
    session.workspace.changed(root / "bank.py")
    assert session.next("new.py", "    account.balance -=") == ""


def test_ignored_files_are_not_remembered(session: Session, root: Path) -> None:
    (root / ".gitignore").write_text("bank.py\n", "utf-8")
    session.workspace.changed(root / ".gitignore")
    assert session.next("new.py", "    account.balance -=") == ""


def test_secrets_are_masked(session: Session) -> None:
    token = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0bC3dE6"
    session.workspace.open(session.document("login.py", f'client.login("{token}")\n'))
    assert "aB3d" not in session.next("new.py", 'client.login("')


def test_memory_is_kept_from_one_session_to_the_next(
    root: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slm_lsp.completion.following.SAVED_AFTER", 0)
    first = Session(root, vocabulary, tmp_path / "kept")
    first.next("new.py", "")
    first.close()
    (file,) = (tmp_path / "kept").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    second = Session(root, vocabulary, tmp_path / "kept")
    with monkeypatch.context() as patch:
        patch.setattr("slm_lsp.completion.following.read", pytest.fail)
        assert second.next("new.py", "    account.balance -=").startswith(" amount\n")
    second.close()


def kept(folder: Path, vocabulary: Vocabulary) -> str:
    """What a workspace's memory has on disk."""
    (file,) = folder.iterdir()
    found = disk.load(file, vocabulary.digest)
    assert found
    segment = found[0]
    texts = [segment.tokens_of(number).tolist() for number in range(len(segment.names))]
    return "".join(map(vocabulary.decode, texts))


def test_what_only_stands_in_a_buffer_is_not_kept_on_disk(
    root: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slm_lsp.completion.following.SAVED_AFTER", 0)
    (root / "shop.py").write_text("def sell(item):\n    item.sold = True\n", "utf-8")
    session = Session(root, vocabulary, tmp_path / "kept")
    session.workspace.open(session.document("bank.py", CODE.replace("amount", "unsaved"), 2))
    session.workspace.open(session.document(str(tmp_path / "elsewhere.py"), "    letter.text += adieu\n"))
    assert session.next("new.py", "    account.balance -=").startswith(" unsaved\n")
    assert session.next("new.py", "    letter.text +=").startswith(" adieu")
    assert "item.sold" in kept(tmp_path / "kept", vocabulary)
    assert "unsaved" not in kept(tmp_path / "kept", vocabulary)
    assert "adieu" not in kept(tmp_path / "kept", vocabulary)
    session.close()


@pytest.mark.parametrize("how", ["deleted", "ignored"])
def test_what_is_gone_is_not_kept_on_disk(
    root: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (root / "shop.py").write_text("def sell(item):\n    item.sold = True\n", "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("slm_lsp.completion.following.SAVED_AFTER", 0)
        first = Session(root, vocabulary, tmp_path / "kept")
        first.next("new.py", "")
        first.close()
    assert "account.balance" in kept(tmp_path / "kept", vocabulary)
    if how == "deleted":
        (root / "bank.py").unlink()
    else:
        (root / ".slmignore").write_text("bank.py\n", "utf-8")
    second = Session(root, vocabulary, tmp_path / "kept")
    assert second.next("new.py", "    account.balance -=") == ""
    second.close()
    assert "item.sold" in kept(tmp_path / "kept", vocabulary)
    assert "account.balance" not in kept(tmp_path / "kept", vocabulary)


def test_another_tokenizer_takes_the_place_of_the_first_on_disk(
    root: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is gone by then stays in the words of a model that is not used any more."""
    monkeypatch.setattr("slm_lsp.completion.following.SAVED_AFTER", 0)
    for one in (vocabulary, Vocabulary(tokenizer("smollm"))):
        session = Session(root, one, tmp_path / "kept")
        assert session.next("new.py", "    account.balance -=").startswith(" amount\n")
        session.close()
        assert "account.balance" in kept(tmp_path / "kept", one)


def test_what_is_typed_where_memory_spoke_makes_it_louder_here(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slm_lsp.completion.remembering.LEARNED_OFTEN", 1)
    session.memory.folder = tmp_path / "kept"
    before = "    account.balance -="
    session.next("new.py", before)

    def loudness() -> float:
        document = session.document("new.py", before)
        session.workspace.open(document)
        last, column = session.vocabulary.encode(before), len(before)
        noted = 0, column, column
        recall = session.memory.at(session.vocabulary, document, before, "", last, MEGABYTES, noted)
        said = recall.recalled([])
        assert said
        recall.noted([], 1.0, np.log(np.full(len(said.ids), 0.1)))
        return float(said.loudness[WORKSPACE])

    usual = loudness()
    # A look at the same place, where nothing was typed yet, teaches nothing.
    assert loudness() == usual
    session.workspace.open(session.document("new.py", before + " amount\n", 2))
    last = session.vocabulary.encode(before)
    session.memory.at(session.vocabulary, session.document("new.py", ""), "", "", last, MEGABYTES)
    assert loudness() > usual
    session.memory.settle(session.vocabulary, MEGABYTES)
    (file,) = (tmp_path / "kept").glob("*.learned")
    assert "amount" not in file.read_text("utf-8")
