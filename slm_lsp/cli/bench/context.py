"""``slm-lsp bench context``: what following a long file and indexing a large workspace cost."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.bench.shared import Json, Rows, save
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.errors import UsageError


def context(
    files: Annotated[
        str, typer.Option(metavar="N,N…", help="Sizes of the made-up workspaces, in files.")
    ] = "1000,10000",
    json_file: Json = None,
) -> None:
    """Type in a file of 20,000 lines, and index workspaces of made-up Python files of some 190 lines.

    The growth is that of CPU time with the number of files, as a power.
    """
    from slm_lsp.benchmark.context import growth, indexed, keys

    sizes = _sizes(files)
    rows: Rows = {}
    with counting_bar() as bar:
        task = bar.add_task("typing in a long file", total=1 + len(sizes))
        found = keys()
        rows["a key in 20,000 lines"] = {
            "loop_p50_ms": found.loop[0],
            "loop_p95_ms": found.loop[1],
            "tree_p50_ms": found.tree[0],
            "tree_p95_ms": found.tree[1],
        }
        for size in sizes:
            bar.update(task, advance=1, description=f"indexing {size} files")
            with tempfile.TemporaryDirectory(prefix="slm-lsp-") as folder:
                one = indexed(Path(folder), size)
            rows[f"{size:,} files"] = {
                "definitions": one.definitions,
                "source_mb": one.source_bytes / 1e6,
                "cpu_seconds": one.cpu,
                "index_mb": one.size / 1e6,
                "query_p50_ms": one.query[0],
                "query_p95_ms": one.query[1],
            }
    save(rows, json_file)
    console = output()
    for some in (list(rows)[:1], list(rows)[1:]):
        table = figures("", *some)
        for name in rows[some[0]]:
            table.add_row(name.replace("_", " "), *(f"{rows[one][name]:,.1f}" for one in some))
        console.print(table)
    if len(sizes) > 1:
        power = growth([(size, rows[f"{size:,} files"]["cpu_seconds"]) for size in sizes])
        console.print(f"CPU time grows as the number of files to the power of {power:.2f}", highlight=False)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(one) for one in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1:
        raise UsageError(f"--files must be numbers with commas between them, not {text!r}.")
    return sizes
