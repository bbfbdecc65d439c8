"""A session in a project full of planted secrets, with a model that repeats whatever it reads."""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.completion.service import CompletionService
from slm_lsp.completion.warm import Loading
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.memory import disk
from slm_lsp.paths import CACHE_VARIABLE, STATE_VARIABLE
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.lsp.fakes import FakeBackend, eventually
from tests.lsp.harness import Session, session
from tests.planted import STRINGS, TOKENS
from tests.tokenizers import tokenizer

IGNORED = ("hidden_by_git", "hidden_by_slmignore")
"""Names that stand in ignored files only."""

PIECE = 9
"""Characters of a secret that must not be seen anywhere."""

OPTIONS = {
    "trailText": True,
    "eagerness": 100,
    "contextTimeLimit": 10_000,
    "contextTokens": 2000,
    "memory": True,
}


class Parrot(FakeBackend):
    """The real pipeline, with an engine that goes on with what it read last."""

    def __init__(self) -> None:
        super().__init__()
        self.vocabulary = Vocabulary(tokenizer("qwen"))
        self.engine = ScriptedEngine(lambda prompt: prompt[-30:])

    def service(self, on_loading: Callable[[Loading], None]) -> CompletionService:
        self.services.append(CompletionService(self.load, on_loading))
        return self.services[-1]

    def load(self, settings: Settings, progress: Progress) -> LoadedModel:
        return LoadedModel("parrot", self.engine, self.vocabulary, detect(self.vocabulary))

    def prompts(self) -> str:
        return "\0".join(map(self.vocabulary.decode, [*self.engine.prompts, *self.engine.prefills]))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    folder = tmp_path / "project"
    every = "\n".join(f"K{place}='{one}'" for place, one in enumerate(TOKENS.values()))
    files = {
        ".git/HEAD": "",
        ".gitignore": "ignored/\n",
        ".slmignore": "private.py\n",
        ".env": every,
        "deploy/credentials.json": json.dumps(TOKENS),
        "ignored/helper.py": "def hidden_by_git(amount):\n    return amount\n",
        "private.py": "def hidden_by_slmignore(amount):\n    return amount\n",
    }
    for place, token in enumerate(TOKENS.values()):
        files[f"client{place}.py"] = f'def visible(amount):\n    return call(amount, """{token}""")\n'
    for place, (form, secret) in enumerate(STRINGS.values()):
        line = form.format(secret)
        files[f"config{place}.py"] = f"def total_amount{place}(amount):\n    # account\n{line}\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def pieces() -> Iterator[str]:
    for secret in (*TOKENS.values(), *(secret for _, secret in STRINGS.values())):
        for line in secret.split("\n"):
            if "PRIVATE" not in line:
                yield from (line[at : at + PIECE] for at in range(0, len(line) - PIECE + 1, PIECE))


def leaks(text: str) -> list[str]:
    """Which secrets, and names of ignored files, a text gives away."""
    lower = text.lower()
    return [piece for piece in (*pieces(), *IGNORED) if piece.lower() in lower]


def remembered(folder: Path, vocabulary: Vocabulary) -> str:
    """What the workspace's memory keeps on disk, read back."""
    texts = []
    for path in folder.rglob("*.memory"):
        found = disk.load(path, vocabulary.digest)
        assert found
        segment, _ = found
        texts += [vocabulary.decode(segment.tokens_of(file).tolist()) for file in range(len(segment.names))]
    return "\0".join(texts)


def on_disk(*folders: Path) -> str:
    texts: list[str] = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".sqlite":
            # The words of an index lie compressed in its pages.
            with closing(sqlite3.connect(path)) as database:
                tables = database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'words'"
                )
                for (table,) in tables.fetchall():
                    texts += map(str, database.execute(f"SELECT * FROM {table}"))
        texts.append(path.read_bytes().decode("latin-1"))
    return "\0".join(texts)


async def ask(client: Session, path: Path, text: str, *, version: int, step: int = 1) -> list[str]:
    """Open or change a document, and ask for a suggestion behind every so many of its lines."""
    uri = path.as_uri()
    if version == 1:
        client.open(text, uri)
    else:
        client.edit({"text": text}, uri=uri, version=version)
    shown = []
    lines = text.split("\n")
    for line in range(step - 1, len(lines), step):
        answer = await client.inline(line, len(lines[line]), uri).result()
        shown += [item["insertText"] for item in answer["items"]]
    return shown


async def test_no_planted_secret_is_seen_anywhere(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "slm_lsp")
    parrot, main = Parrot(), project / "main.py"
    strings = "\n".join(form.format(secret) for form, secret in STRINGS.values())
    code = "from config0 import total_amount0\n\n\ndef pay(account):\n    amount = total_amount0(account)\n"
    async with session(parrot) as client:
        folders = [{"uri": project.as_uri(), "name": "project"}]
        await client.ready(workspaceFolders=folders, initializationOptions={**OPTIONS, "ahead": True})
        service = parrot.services[-1]
        await eventually(lambda: service.contexts.workspace._indexers)
        service.contexts.workspace.settle()
        for name in (".env", "private.py", "ignored/helper.py", "client0.py"):
            text = (project / name).read_text("utf-8")
            assert await ask(client, project / name, text, version=1) == []
        shown = await ask(client, main, f"{code}{strings}\n{code}", version=1)
        for version, token in enumerate(TOKENS.values(), 2):
            # Pasted, and taken out again: it is among the last edits from then on.
            assert (
                await ask(client, main, f"{code}a = '''{token}'''\n{code}", version=2 * version, step=5) == []
            )
            shown += await ask(client, main, f"{code}\n{code}", version=2 * version + 1, step=5)
        service.contexts.memory.settle(parrot.vocabulary, 150)
        trail = repr(list(service.journal.trail))
        index = service.contexts.workspace._indexers[project].index
        defined = {one.symbol.name for one in index.definitions(["visible", "total_amount3"], ["python"])}
        sent = [*client.notifications, *client.requests]
    prompts = parrot.prompts()
    assert shown
    assert "total_amount3" in prompts, "the other files are shown at all"
    assert defined == {"total_amount3"}
    memory = remembered(tmp_path / "cache", parrot.vocabulary)
    assert "total_amount3" in memory
    for what in (prompts, "\n".join(shown), trail, json.dumps(sent), caplog.text, memory):
        assert leaks(what) == []
    kept = on_disk(tmp_path / "cache", tmp_path / "state")
    assert "total_amount3" in kept
    assert leaks(kept) == []
