"""``slm-lsp bench memory``: what remembering a workspace costs."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.bench.shared import Json, Model, Rows, save, show
from slm_lsp.cli.terminal import counting_bar
from slm_lsp.config import Settings
from slm_lsp.errors import UsageError

REAL = 2_000_000
"""Tokens of real code that is read; larger workspaces are made up of pieces of it."""


def memory(
    tokens: Annotated[
        str, typer.Option(metavar="N,N…", help="Sizes of the workspaces, in millions of tokens.")
    ] = "1,10",
    model: Model = Settings().model,
    json_file: Json = None,
) -> None:
    """Sort, keep and ask the memories of workspaces that are made of Python's own library.

    A step is looking up, mixing and choosing, above choosing without memory.
    """
    from slm_lsp.benchmark.memory import cost, library
    from slm_lsp.memory.encoding import Encoder
    from slm_lsp.models.store import locate
    from slm_lsp.tokens.vocabulary import Vocabulary

    sizes = _sizes(tokens)
    rows: Rows = {}
    with counting_bar() as bar, tempfile.TemporaryDirectory(prefix="slm-lsp-") as folder:
        task = bar.add_task("reading code", total=1 + len(sizes))
        vocabulary = Vocabulary.load(locate(model, lambda done, doing: None).folder)
        encoder, real = Encoder(vocabulary), list[int]()
        for text in library():
            real += encoder.once(text)
            if len(real) > min(REAL, 1_000_000 * max(sizes)):
                break
        for size in sizes:
            bar.update(task, advance=1, description=f"{size:g} million tokens")
            found = asdict(cost(Path(folder), real, int(1_000_000 * size), vocabulary.size))
            rows[f"{size:g} million tokens"] = {
                "build_s": found["build"],
                "load_ms": 1e3 * found["load"],
                "disk_mb": found["disk"],
                "resident_mb": found["resident"],
                "query_p50_us": found["query"][0],
                "query_p95_us": found["query"][1],
                "step_p50_us": found["step"][0],
                "step_p95_us": found["step"][1],
            }
    save(rows, json_file)
    show(rows, 1)


def _sizes(text: str) -> list[float]:
    try:
        sizes = [float(one) for one in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not 0 < min(sizes) <= max(sizes) <= 1000:
        raise UsageError(f"--tokens must be millions with commas between them, not {text!r}.")
    return sizes
