"""``slm-lsp bench typing``: the real server, typed at key by key, beside llama.vim with llama.cpp."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from slm_lsp.cli.bench.shared import Adapter, Files, Json, Model, Precision, Rows, save
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings
from slm_lsp.errors import SlmLspError

if TYPE_CHECKING:
    from slm_lsp.benchmark.keys import Script

_NAMES = {
    "keys": "keys",
    "made_p50_ms": "key to a suggestion that is made, p50 ms",
    "made_p95_ms": "the same, p95 ms",
    "p50_ms": "key to any answer, p50 ms",
    "p95_ms": "the same, p95 ms",
    "instant": "answered without the model",
    "shown": "answers with a suggestion",
    "prefilled_per_key": "tokens read per key",
    "ahead_per_key": "tokens read ahead per key",
    "decoded_per_key": "tokens written per key",
    "cpu_seconds_per_100_keys": "CPU seconds per 100 keys",
}
_SHARES = ("instant", "shown")
_COMPARED = ("made_p50_ms", "made_p95_ms", "p50_ms", "p95_ms", "cpu_seconds_per_100_keys")


def typing(
    files: Files,
    lines: Annotated[int, typer.Option(min=1, help="Lines to type in each file.")] = 6,
    seed: Annotated[int, typer.Option(help="Draws the lines and the pauses between keys.")] = 0,
    peer: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Play the same keys with llama.vim's policy against a llama.cpp server on this machine.",
            show_default=False,
        ),
    ] = "",
    model: Model = Settings().model,
    adapter: Adapter = "",
    precision: Precision = "auto",
    json_file: Json = None,
) -> None:
    """Type lines of real files key by key through a real server, at a person's pace and at full speed.

    A key's wait ends with the first answer that fits the text after it or after a later key. That answer may
    come from a cache or say that there is nothing to suggest; what the model had to make is shown apart.
    """
    from slm_lsp.benchmark.keys import script

    scripts = [script(file, lines, seed) for file in files]
    rows = asyncio.run(_typed(scripts, Settings(model=model, adapter=adapter, precision=precision), peer))
    save(rows, json_file)
    _print(rows)


async def _typed(scripts: "list[Script]", settings: Settings, peer: str) -> Rows:
    import psutil

    from slm_lsp.benchmark.client import Client
    from slm_lsp.benchmark.typing import Played, listener, ours, play
    from slm_lsp.benchmark.typists import Editor, LlamaVim

    keys = sum(len(one.keys) for one in scripts)
    rows: Rows = {}
    with counting_bar() as bar:
        task = bar.add_task("starting the server", total=keys * (4 if peer else 2))

        def pressed() -> None:
            bar.advance(task)

        render = _render(settings) if peer else None
        process: psutil.Process | None = None
        if peer:
            LlamaVim(peer, lambda before, _after: before)  # its address is looked at before anything is typed
            process = listener(urlsplit(peer).port or 80)
            if process is None:
                raise SlmLspError(f"nothing listens at {peer}; start llama-server first.")
        for pace in ("a person's pace", "full speed"):
            bar.update(task, description=pace)
            us, them = Played(), Played()
            # A server of its own, which remembers nothing of what was typed before.
            client = await Client.start(
                {"model": settings.model, "adapter": settings.adapter, "precision": settings.precision}
            )
            try:
                for one in scripts:
                    fast = pace == "full speed"
                    us.add(await ours(client, Editor(client), one, fast=fast, pressed=pressed))
                    if render and process:
                        typist = LlamaVim(peer, render)
                        them.add(await play(typist, one, process, fast=fast, pressed=pressed))
            finally:
                await client.stop()
            rows[f"slm-lsp, {pace}"] = us.summary()
            if peer:
                rows[f"peer, {pace}"] = them.summary()
    return rows


def _render(settings: Settings) -> Callable[[str, str], str]:
    """Return how the model's own format lays out the text before and after the cursor, as text."""
    from slm_lsp.models.store import locate
    from slm_lsp.prompt.formats import detect
    from slm_lsp.tokens.vocabulary import Vocabulary

    files = locate(settings.model, adapter=settings.adapter)
    vocabulary = Vocabulary.load(files.folder) if files.gguf is None else Vocabulary.from_gguf(files.gguf)
    format = detect(vocabulary)
    names = {id: name for name, id in vocabulary.special.items()}
    prefix, suffix, middle = (
        "" if id is None else names[id] for id in (format.prefix_id, format.suffix_id, format.middle_id)
    )

    def render(before: str, after: str) -> str:
        if not format.fills:
            return before
        parts = (
            (suffix + after, prefix + before) if format.suffix_first else (prefix + before, suffix + after)
        )
        return "".join(parts) + middle

    return render


def _print(rows: Rows) -> None:
    """Print a column for each typist and pace, and our figures as parts of the peer's."""
    from slm_lsp.benchmark.typing import ratios

    table = figures("", *rows)
    for name, title in _NAMES.items():
        if any(name in row for row in rows.values()):
            table.add_row(title, *(_shown(name, row.get(name)) for row in rows.values()))
    console = output()
    console.print(table)
    for pace in ("a person's pace", "full speed"):
        them = rows.get(f"peer, {pace}")
        if them:
            parts = ratios(rows[f"slm-lsp, {pace}"], them, _COMPARED)
            said = ", ".join(f"{_NAMES[name]} {value:.2f}" for name, value in parts.items())
            console.print(f"as a part of the peer's, {pace}: {said}", highlight=False)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0%}" if name in _SHARES else f"{value:,.0f}" if name == "keys" else f"{value:,.1f}"
