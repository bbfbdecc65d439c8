"""``slm-lsp complete``: one completion at a place in a file, printed."""

import json
import os
import re
import sys
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.completion.request import CompletionRequest, CompletionResult, Reason, Stage, Trigger
from slm_lsp.config import Settings, options
from slm_lsp.errors import SlmLspError, UsageError
from slm_lsp.text.snapshot import Snapshot

LARGEST = 32_000_000
"""Bytes of the largest file that is read: no source file is larger, and a device never ends."""

STDIN = "-"

# The shortest file that leaves only numbers: a drive letter's colon is no separator.
_TARGET = re.compile(r"(?P<file>.+?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """A place as compilers print it: `line` and `column` count from 1, columns in code points.

    Without a line it is the end of the text, without a column the end of the line.
    """

    file: str
    line: int | None = None
    column: int | None = None


def complete(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE:LINE[:COLUMN]",
            help="Where to complete, counted from 1; without a column, at the end of the line. "
            "`-:LINE[:COLUMN]` reads standard input, and `-` alone completes at its end.",
            show_default=False,
        ),
    ] = None,
    # To the parser of the command line, `-:12` is the option `-:` with the value 12.
    in_stdin: Annotated[str | None, typer.Option("-:", hidden=True)] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print JSON: items with the range they replace (from 1, in code points, the end excluded), "
            "reason if there is none, model, usage in tokens, and timings in ms.",
        ),
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Print to standard error what each stage did, and its time.")
    ] = False,
    model: Annotated[str | None, typer.Option(help=options()["model"].doc, show_default=False)] = None,
    adapter: Annotated[str | None, typer.Option(help=options()["adapter"].doc, show_default=False)] = None,
    language: Annotated[
        str | None,
        typer.Option(help="The LSP language id; without it, by the file's name.", show_default=False),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help=options()["max_tokens"].doc, show_default=False)
    ] = None,
    max_lines: Annotated[
        int | None, typer.Option(help=options()["max_lines"].doc, show_default=False)
    ] = None,
) -> None:
    """Complete the code at one place of a file.

    On a terminal, prints the line with the suggestion in its place, dimmed; otherwise the suggestion alone.
    With nothing to suggest, prints why to standard error and still ends with 0.

    Examples: `slm-lsp complete --json main.go:7:14`, `cat app.py | slm-lsp complete - --language python`.
    """
    settings = _settings(model=model, adapter=adapter, max_tokens=max_tokens, max_lines=max_lines)
    if in_stdin is not None:
        target = f"{STDIN}:{in_stdin}"
    if target is None:
        raise UsageError("name a place to complete: FILE:LINE or FILE:LINE:COLUMN, such as app.py:12:8.")
    request = request_at(parse_target(target), language)
    result = _complete(request, settings)
    if why:
        _print_stages(result)
    if as_json:
        _print_json(result, request)
    elif not result.items:
        assert result.reason
        typer.echo(f"slm-lsp: no suggestion: {result.reason.value}.", err=True)
    elif sys.stdout.isatty():
        _print_in_place(result, request)
    else:
        # As bytes, so that no terminal encoding or line ending of the system changes the code.
        typer.echo(result.items[0].text.encode())


def parse_target(text: str) -> Target:
    """Read FILE:LINE[:COLUMN], or ``-`` alone.

    Raises:
        UsageError: the text names no line, or line or column 0.
    """
    if text == STDIN:
        return Target(STDIN)
    match = _TARGET.fullmatch(text)
    if match is None:
        raise UsageError(f"{text} names no line; write FILE:LINE or FILE:LINE:COLUMN, such as app.py:12:8.")
    line, column = int(match["line"]), int(match["column"]) if match["column"] else None
    if 0 in (line, column):
        raise UsageError(f"lines and columns count from 1, so there is no {text}.")
    return Target(match["file"], line, column)


def _settings(**values: str | int | None) -> Settings:
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        try:
            options()[name].check(value)
        except ValueError as error:
            raise UsageError(f"--{name.replace('_', '-')} must be {error}, not {value}.") from None
    # One is printed; more would only cost time.
    return replace(Settings(), alternatives=1, **given)  # type: ignore[arg-type]  # checked above


def request_at(target: Target, language: str | None) -> CompletionRequest:
    """Read the file and find the place in it."""
    from slm_lsp.context.languages import PLAINTEXT, language_id
    from slm_lsp.text.lines import split

    name = "standard input" if target.file == STDIN else target.file
    lines = tuple(split(_decode(_read(target.file), name)))
    line = len(lines) if target.line is None else target.line
    if line > len(lines):
        raise UsageError(f"line {line} is past the end of {name}, whose last line is {len(lines)}.")
    width = len(lines[line - 1].rstrip("\r\n"))
    column = width + 1 if target.column is None else target.column
    if column > width + 1:
        raise UsageError(f"column {column} is past the end of line {line} of {name}, which is {width + 1}.")
    path = None if target.file == STDIN else Path(target.file).absolute()
    found = language_id(path, lines[0]) if path else PLAINTEXT
    document = Snapshot(path.as_uri() if path else "untitled:stdin", language or found, 0, lines, path)
    return CompletionRequest(document, line - 1, column - 1, Trigger.INVOKED)


def _read(file: str) -> bytes:
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            if Path(file).is_dir():
                raise UsageError(f"{file} is a folder; name a file in it.")
            with Path(file).open("rb") as opened:
                data = opened.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}.") from None
    except OSError as error:
        raise SlmLspError(f"{file} can't be read ({error.strerror}).") from error
    if len(data) > LARGEST:
        raise SlmLspError(f"{file} is larger than {LARGEST // 1_000_000} MB; no source file is.")
    return data


def _decode(data: bytes, name: str) -> str:
    # UTF-16 is full of zero bytes as well, but begins with a byte order mark.
    if b"\0" in data and not data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise SlmLspError(f"{name} is a binary file; there is no code in it to complete.")
    try:
        # Editors don't count the byte order mark of UTF-8 either.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SlmLspError(f"{name} is not UTF-8 (at byte {error.start}); convert it first.") from None


def _complete(request: CompletionRequest, settings: Settings) -> CompletionResult:
    """Load the model and ask it; the stages begin with what came before, and end with the sum."""
    # Not needed by name: this is what brings PyTorch in, and its time is a stage of its own.
    import_module("slm_lsp.engine.llama.engine")
    from slm_lsp.cancel import CancelToken
    from slm_lsp.completion.loading import load
    from slm_lsp.completion.pipeline import run
    from slm_lsp.context.permissions import Permissions

    if not Permissions()(request.document):
        return CompletionResult(reason=Reason.FILE_IGNORED)
    imported = _process_age()
    with loading() as progress:
        model = load(settings, progress)
    loaded = _process_age()
    result = run(model, request, settings, CancelToken())
    stages = (
        Stage("import", imported, "Python, slm-lsp and PyTorch, from the start of the process"),
        Stage("load", loaded - imported, model.name),
        *result.stages,
        Stage("total", _process_age(), "from the start of the process"),
    )
    return replace(result, stages=stages)


@contextmanager
def loading() -> Iterator[Callable[[float, str], None]]:
    """Show on a terminal what is being loaded; on nothing else."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, what: None
        return
    with console.status("loading the model") as status:
        yield lambda done, what: status.update(f"{what} ({done:.0%})")


def _process_age() -> float:
    """Return the milliseconds since this process was started."""
    stat = Path("/proc/self/stat")
    if stat.exists():
        # The 22nd field: clock ticks from boot to the start. psutil rounds the time of the boot to a second.
        ticks = int(stat.read_bytes().rpartition(b")")[2].split()[19])
        return (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")) * 1e3
    import psutil

    return (time.time() - psutil.Process().create_time()) * 1e3


def _print_json(result: CompletionResult, request: CompletionRequest) -> None:
    line = request.line + 1
    usage = result.usage
    answer = {
        "model": result.model,
        "language": request.document.language,
        "items": [
            {
                "text": item.text,
                "range": {
                    "start": {"line": line, "column": item.start + 1},
                    "end": {"line": line, "column": item.end + 1},
                },
            }
            for item in result.items
        ],
        "reason": result.reason.value if result.reason else None,
        "usage": {"reused": usage.reused, "prefilled": usage.prefilled, "decoded": usage.decoded},
        "ms": {stage.name: round(stage.ms, 1) for stage in result.stages},
    }
    typer.echo(json.dumps(answer, indent=2))


def _print_in_place(result: CompletionResult, request: CompletionRequest) -> None:
    from rich.console import Console
    from rich.text import Text

    item = result.items[0]
    line = request.document.lines[request.line].rstrip("\r\n")
    text = Text(harmless(line[: item.start]))
    text.append(harmless(item.text), style="dim")
    text.append(harmless(line[item.end :]))
    Console(force_terminal=True).print(text, soft_wrap=True)


def harmless(text: str) -> str:
    """Show control characters instead of sending them to the terminal; the file may hold any."""
    pictures = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
    return text.replace("\r\n", "\n").translate(
        pictures | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), "�")
    )


def _print_stages(result: CompletionResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from slm_lsp.completion.trail import verdicts

    table = Table("stage", "ms", "what it did", box=None)
    table.columns[1].justify = "right"
    for stage in result.stages:
        table.add_row(stage.name, f"{stage.ms:.1f}", Text(stage.detail))
    console = Console(stderr=True)
    console.print(table)
    for one in verdicts(result):
        what = "rejected the rest" if one.rejected else f"took {one.removed} characters off"
        console.print(f"filter {one.filter}: {what}", highlight=False)
    if result.confidence is not None:
        console.print(f"estimated chance of being right: {result.confidence:.0%}", highlight=False)
