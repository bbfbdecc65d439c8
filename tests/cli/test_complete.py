import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.cli.complete import LARGEST, Target, parse_target
from slm_lsp.cli.main import main
from slm_lsp.completion.loading import load
from slm_lsp.completion.model import LoadedModel
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.errors import UsageError
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

SAMPLES = Path(__file__).parent.parent / "samples"


@dataclass(frozen=True)
class Outcome:
    """What a user of the command gets."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)


Invoke = Callable[..., Outcome]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Invoke:
    def invoke(*arguments: object, stdin: bytes = b"", terminal: bool = False) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["slm-lsp", "complete", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
        with pytest.raises(SystemExit) as exit:
            main()
        out, err = capsysbinary.readouterr()
        assert isinstance(exit.value.code, int)
        return Outcome(exit.value.code, out.decode(), err.decode())

    return invoke


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the model write a given text wherever it is asked."""

    def writes(text: str) -> None:
        vocabulary = Vocabulary(tokenizer("smollm"))
        engine = ScriptedEngine(lambda prompt: vocabulary.encode(text))
        model = LoadedModel("scripted", engine, vocabulary, detect(vocabulary))
        monkeypatch.setattr("slm_lsp.completion.loading.load", lambda settings, progress: model)

    writes("index)\n")
    return writes


@pytest.fixture
def source(tmp_path: Path, writes: Callable[[str], None]) -> Path:
    path = tmp_path / "app.py"
    path.write_bytes("# 😀 é\nfor index in range(3):\n    print(\n".encode())
    return path


def test_a_pipe_gets_the_suggestion_alone(invoke: Invoke, source: Path) -> None:
    outcome = invoke(f"{source}:3")
    assert (outcome.code, outcome.out, outcome.err) == (0, "index)\n", "")


def test_a_terminal_shows_the_suggestion_dimmed_in_its_place(invoke: Invoke, source: Path) -> None:
    source.write_text("print()\n", "utf-8")
    assert invoke(f"{source}:1:7", terminal=True).out == "print(\x1b[2mindex\x1b[0m)\n"


def test_control_characters_of_the_file_do_not_reach_the_terminal(invoke: Invoke, source: Path) -> None:
    source.write_text("a = '\x1b]0;owned\x07\x9b2J'; print(\n", "utf-8")
    out = invoke(f"{source}:1", terminal=True).out
    assert "␛]0;owned␇" in out
    assert "\x07" not in out
    assert "\x9b" not in out
    assert out.count("\x1b") == 2


def test_json_has_the_item_its_range_and_what_it_cost(invoke: Invoke, source: Path) -> None:
    answer = invoke("--json", f"{source}:3").answer
    place = {"line": 3, "column": 11}
    assert answer["items"] == [{"text": "index)", "range": {"start": place, "end": place}}]
    assert (answer["model"], answer["language"], answer["reason"]) == ("scripted", "python", None)
    assert answer["usage"]["prefilled"] > 0
    assert answer["usage"]["decoded"] > 0
    assert {"import", "load", "prompt", "prefill", "decode", "total"} <= answer["ms"].keys()
    assert answer["ms"]["total"] >= answer["ms"]["import"] + answer["ms"]["load"] > 0


def test_columns_count_code_points_and_begin_after_a_byte_order_mark(invoke: Invoke, source: Path) -> None:
    source.write_bytes("\ufeff'😀é', print(\n".encode())
    answer = invoke("--json", f"{source}:1").answer
    assert answer["items"][0]["range"]["start"] == {"line": 1, "column": 13}


def test_the_column_says_where(invoke: Invoke, source: Path) -> None:
    source.write_text("print()\n", "utf-8")
    answer = invoke("--json", f"{source}:1:7").answer
    assert answer["items"][0]["text"] == "index"
    assert answer["items"][0]["range"]["start"] == {"line": 1, "column": 7}


@pytest.mark.parametrize(
    ("target", "start"),
    [("-", (2, 7)), ("-:1", (1, 7)), ("-:1:7", (1, 7)), ("-:2:7", (2, 7))],
)
def test_standard_input(
    invoke: Invoke, writes: Callable[[str], None], target: str, start: tuple[int, int]
) -> None:
    outcome = invoke(target, "--json", "--language", "lua", stdin=b"print(\nprint(")
    assert outcome.answer["language"] == "lua"
    assert outcome.answer["items"][0]["range"]["start"] == {"line": start[0], "column": start[1]}


def test_a_file_with_windows_line_endings(
    invoke: Invoke, source: Path, writes: Callable[[str], None]
) -> None:
    writes("\n    return 0\n    pass\n\n\n\nx")
    source.write_bytes(b"import os\r\ndef main():\r\n")
    answer = invoke("--json", f"{source}:2").answer
    (item,) = answer["items"]
    assert item["range"]["start"] == {"line": 2, "column": 12}
    assert item["text"].startswith("\r\n    return 0")
    assert item["text"].count("\n") == item["text"].count("\r\n")


def test_without_a_suggestion_the_reason_goes_to_standard_error(
    invoke: Invoke, source: Path, writes: Callable[[str], None]
) -> None:
    writes("")
    outcome = invoke(f"{source}:3")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "slm-lsp: no suggestion: the model had nothing to add here.\n"
    answer = invoke(f"{source}:3", "--json").answer
    assert (answer["items"], answer["reason"]) == ([], "the model had nothing to add here")


def test_why_names_the_stages_beside_the_suggestion(invoke: Invoke, source: Path) -> None:
    outcome = invoke(f"{source}:3", "--why")
    assert outcome.out == "index)\n"
    for stage in ("import", "load", "prompt", "prefill", "decode", "total"):
        assert stage in outcome.err


def test_the_options_reach_the_settings(
    invoke: Invoke, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Settings] = []

    def note(settings: Settings, progress: object) -> LoadedModel:
        asked.append(settings)
        raise UsageError("enough.")

    monkeypatch.setattr("slm_lsp.completion.loading.load", note)
    invoke(f"{source}:3", "--model", "mine", "--max-tokens", 3, "--max-lines", 2)
    assert asked == [Settings(model="mine", alternatives=1, max_tokens=3, max_lines=2)]


@pytest.mark.parametrize(
    ("target", "code", "sentence"),
    [
        ("missing.py:1", 2, "there is no file"),
        (".:1", 2, "is a folder"),
        ("app.py", 2, "names no line"),
        ("app.py:", 2, "names no line"),
        ("app.py:x", 2, "names no line"),
        ("app.py:0", 2, "count from 1"),
        ("app.py:1:0", 2, "count from 1"),
        ("app.py:5", 2, "past the end"),
        ("app.py:1:99", 2, "past the end"),
        ("app.py:99999999999999999999", 2, "names no line"),
        ("latin.py:1", 1, "not UTF-8"),
        ("utf16.py:1", 1, "not UTF-8"),
        ("binary.py:1", 1, "binary"),
        ("huge.py:1", 1, "larger than 32 MB"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    invoke: Invoke, source: Path, monkeypatch: pytest.MonkeyPatch, target: str, code: int, sentence: str
) -> None:
    folder = source.parent
    (folder / "latin.py").write_bytes("x = 'é'\n".encode("latin-1"))
    (folder / "utf16.py").write_bytes("x = 1\n".encode("utf-16"))
    (folder / "binary.py").write_bytes(b"\x7fELF\0\0")
    with (folder / "huge.py").open("wb") as file:
        file.truncate(LARGEST + 1)
    monkeypatch.chdir(folder)
    outcome = invoke(target)
    assert outcome.code == code
    assert outcome.out == ""
    assert sentence in outcome.err
    assert outcome.err.startswith("slm-lsp: ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--max-tokens", "--max-lines"])
def test_an_option_out_of_range_is_bad_usage(invoke: Invoke, source: Path, option: str) -> None:
    outcome = invoke(f"{source}:3", option, 0)
    assert outcome.code == 2
    assert f"{option} must be a whole number from 1 to" in outcome.err


def test_a_file_that_may_not_be_read_is_a_failure(
    invoke: Invoke, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    outcome = invoke(f"{source}:3")
    assert (outcome.code, outcome.err) == (1, f"slm-lsp: {source} can't be read (Permission denied).\n")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("app.py:12", Target("app.py", 12)),
        ("app.py:12:3", Target("app.py", 12, 3)),
        (r"C:\src\app.py:12:3", Target(r"C:\src\app.py", 12, 3)),
        (r"C:\src\app.py:12", Target(r"C:\src\app.py", 12)),
        ("C:/src/app.py:12", Target("C:/src/app.py", 12)),
        ("a:b.py:1", Target("a:b.py", 1)),
        ("-", Target("-")),
        ("-:4", Target("-", 4)),
        ("./-:4", Target("./-", 4)),
    ],
)
def test_places_are_read_as_compilers_print_them(text: str, target: Target) -> None:
    assert parse_target(text) == target


@given(
    st.from_regex(r"([A-Z]:\\)?[^:]+", fullmatch=True),
    st.integers(1, 999_999_999),
    st.none() | st.integers(1, 999_999_999),
)
def test_any_file_name_without_a_colon_is_kept(file: str, line: int, column: int | None) -> None:
    text = f"{file}:{line}" if column is None else f"{file}:{line}:{column}"
    assert parse_target(text) == Target(file, line, column)


@pytest.fixture(scope="module")
def real() -> LoadedModel:
    return load(Settings(), lambda done, what: None)


@pytest.mark.model
@pytest.mark.parametrize("sample", sorted(path.name for path in SAMPLES.iterdir()))
def test_every_language_completes(
    invoke: Invoke, real: LoadedModel, monkeypatch: pytest.MonkeyPatch, sample: str
) -> None:
    """Cut the sample short in the middle of some of its lines, as if it were being written."""
    monkeypatch.setattr("slm_lsp.completion.loading.load", lambda settings, progress: real)
    lines = (SAMPLES / sample).read_text("utf-8").splitlines(keepends=True)
    shown = 0
    for number in range(len(lines) // 2, len(lines))[:3]:
        written = "".join(lines[:number]) + lines[number][: len(lines[number]) // 2]
        outcome = invoke("-", "--json", stdin=written.encode())
        assert outcome.code == 0
        shown += len(outcome.answer["items"])
    assert shown


@pytest.mark.model
@pytest.mark.process
def test_the_real_process_completes_without_importing_what_is_slow() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "slm_lsp", "complete"]
    done = subprocess.run(
        [*command, "-:3", "--language", "python"],
        input=b"def add(a, b):\n    # the sum\n    return a +",
        capture_output=True,
        check=True,
    )
    assert done.stdout.strip()
    imported = {line.rpartition(b"|")[2].strip() for line in done.stderr.splitlines()}
    for heavy in (b"torch", b"transformers", b"numba"):
        assert heavy not in imported
