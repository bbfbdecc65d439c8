"""``slm-lsp bench windows``: two windows on one shared engine."""

import asyncio
from typing import Annotated

import typer

from slm_lsp.cli.bench.shared import Adapter, Json, Model, save
from slm_lsp.cli.terminal import figures, output
from slm_lsp.config import Settings

_NAMES = {
    "resident_mb": "the second window, resident MB",
    "own_mb": "of that what no other process has, MB",
    "engine_mb": "the engine's process, resident MB",
    "ready_ms": "from its start until it is ready, ms",
    "first_ms": "its first answer, ms",
    "alone_ms": "an answer with the other window at rest, ms",
    "together_ms": "with both windows busy, ms",
    "fairness": "answers of the window that had fewer, as a part of the other's",
    "after_death_ms": "an answer while the other window is killed, ms",
}


def windows(
    seconds: Annotated[float, typer.Option(min=1, help="How long both windows ask at once.")] = 10,
    model: Model = Settings().model,
    adapter: Adapter = "",
    json_file: Json = None,
) -> None:
    """Start two windows with `slm-lsp serve --shared`, let them compete, and kill one."""
    from slm_lsp.benchmark.windows import measure

    found = asyncio.run(measure({"model": model, "adapter": adapter}, seconds))
    save({"windows": found}, json_file)
    table = figures("", "")
    for name, title in _NAMES.items():
        table.add_row(title, f"{found[name]:,.2f}")
    output().print(table)
