"""``slm-lsp bench replay``: what a session of typing is shown."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from slm_lsp.cli.bench.shared import Adapter, Files, Model
from slm_lsp.cli.terminal import figures
from slm_lsp.config import Settings


def replay(
    files: Files,
    keys: Annotated[int, typer.Option(min=1, help="Keys to type in each file.")] = 200,
    seed: Annotated[int, typer.Option(help="Draws where typing begins and what is accepted.")] = 0,
    model: Model = Settings().model,
    adapter: Adapter = "",
) -> None:
    """Type a part of real files through a real server, and tell what was shown, held back, and why."""
    from slm_lsp.benchmark.replay import replayed

    found = asyncio.run(replayed(files, {"model": model, "adapter": adapter}, keys, seed))
    asked = max(1, sum(found.sources.values()))
    console = Console()
    table = figures("", "requests", "share")
    shown = asked - sum(found.reasons.values())
    rows = [("shown", shown), *((f"from {name}", count) for name, count in found.sources.most_common())]
    rows += [(f"nothing: {name.replace('_', ' ')}", count) for name, count in found.reasons.most_common()]
    for name, count in rows:
        table.add_row(name, str(count), f"{100 * count / asked:.1f}%")
    console.print(table)
    accepted = ", ".join(f"{count} {kind}" for kind, count in found.accepted.items()) or "none"
    console.print(
        f"{found.keys} keys; accepted: {accepted}; generations that ran to their end in a burst: at most "
        f"{max(found.finished, default=0)}; faults: {len(found.faults)}",
        highlight=False,
    )
    if found.cached_ms:
        import numpy as np

        p50, p95 = np.percentile(found.cached_ms, (50, 95))
        console.print(
            f"answers from the cache took the server {p50:.2f} ms, 95% at most {p95:.2f}", highlight=False
        )
    for fault in found.faults:
        console.print(f"{fault.file}:{fault.line + 1}:{fault.column + 1} {fault.what}: {fault.text!r}")
