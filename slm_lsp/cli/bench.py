"""``slm-lsp bench``: how fast it is here, beside a peer or a baseline in the same run."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings, options
from slm_lsp.errors import SlmLspError, UsageError

if TYPE_CHECKING:
    from slm_lsp.benchmark.keys import Script

app = typer.Typer(help="Measure the speed, as ratios to a baseline in the same run.", no_args_is_help=True)

Rows = dict[str, dict[str, float]]

_NAMES = {
    "keys": "keys",
    "p50_ms": "key to suggestion, p50 ms",
    "p95_ms": "p95 ms",
    "asked_p50_ms": "p50 ms where the model was asked",
    "instant": "answered without the model",
    "shown": "answers with a suggestion",
    "prefilled_per_key": "tokens read per key",
    "decoded_per_key": "tokens written per key",
    "cpu_seconds_per_100_keys": "CPU seconds per 100 keys",
}
_SHARES = ("instant", "shown")
_COMPARED = ("p50_ms", "p95_ms", "asked_p50_ms", "cpu_seconds_per_100_keys")


@app.command(epilog="Example: slm-lsp bench engine --shape qwen2.5-coder-0.5b --json engine.json")
def engine(
    shape: Annotated[
        str,
        typer.Option(help="Measure random weights in the shape of `qwen2.5-coder-0.5b` or `-1.5b` instead."),
    ] = "",
    compare_output: Annotated[
        int,
        typer.Option(min=0, help="Compare plain decoding with every fast path on so many prompts instead."),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Draws the prompts.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help=options()["threads"].doc)] = 0,
    model: Annotated[str, typer.Option(help=options()["model"].doc)] = Settings().model,
    adapter: Annotated[str, typer.Option(help=options()["adapter"].doc, show_default=False)] = "",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures to a file as well.")
    ] = None,
) -> None:
    """Measure reading, writing, verifying and starting, beside Hugging Face `generate` in float32.

    The prompts are windows of Python's own library.
    """
    from slm_lsp.benchmark import engine as bench

    settings = Settings(model=model, adapter=adapter, threads=threads)
    if compare_output:
        _compare_output(settings, compare_output, seed)
        return
    with counting_bar() as bar:
        task = bar.add_task("loading the model", total=None)

        def told(what: str) -> None:
            bar.update(task, description=what)

        rows = _measured(settings, shape, seed, told)
        if not shape:
            told("starting")
            rows["slm-lsp"]["start_ms"] = bench.start_ms(Path(bench.__file__))
    _save(rows, json_file)
    _print_engine(rows)


def _measured(settings: Settings, shape: str, seed: int, told: Callable[[str], None]) -> Rows:
    """Measure our engine and then the baseline, on the same weights and prompts."""
    import tempfile

    from slm_lsp.benchmark import engine as bench
    from slm_lsp.completion.loading import load
    from slm_lsp.engine.load import load_engine
    from slm_lsp.models.store import locate
    from slm_lsp.tokens.vocabulary import Vocabulary

    dense = locate(settings.model, dense=True, adapter=settings.adapter).folder
    some = bench.prompts(Vocabulary.load(dense).encode, bench.PREFILL[-1], 12, seed)
    with tempfile.TemporaryDirectory() as temporary:
        if shape:
            told(f"making random weights in the shape of {shape}")
            dense = Path(temporary)
            bench.random_model(shape, dense)
            ours = load_engine(
                dense, None, device="cpu", precision="int8", threads=settings.threads,
                cache_memory=settings.cache_memory, progress=lambda _done, what: told(what),
            )  # fmt: skip
        else:
            ours = load(settings, lambda _done, what: told(what)).engine
        try:
            rows = {"slm-lsp": bench.measure(ours, some, told)}
        finally:
            ours.close()
        rows["Hugging Face"] = bench.baseline(dense, some, told)
    return rows


def _compare_output(settings: Settings, count: int, seed: int) -> None:
    """Print how many prompts came out otherwise by a fast path; none may."""
    from collections import Counter

    from slm_lsp.benchmark import engine as bench
    from slm_lsp.completion.loading import load

    plain, fast = (load(settings, lambda _done, _what: None) for _ in range(2))
    some = bench.prompts(plain.vocabulary.encode, 200, count, seed)
    with counting_bar() as bar:
        task = bar.add_task("prompts", total=count)
        differing = Counter(bench.compare_output(plain.engine, fast.engine, some, lambda: bar.advance(task)))
    for name, many in differing.items():
        typer.echo(f"{name}: {many} of {count} differ")
    if differing:
        raise typer.Exit(1)
    typer.echo(f"all {count} outputs are the same, read ahead, reused, with drafts and as branches")


def _print_engine(rows: Rows) -> None:
    ours, theirs = rows["slm-lsp"], rows["Hugging Face"]
    table = figures("", "slm-lsp", "Hugging Face", "ratio")
    for name, value in ours.items():
        other = theirs.get("decode_ms_plain" if name.startswith("decode") else name)
        table.add_row(
            _title(name),
            f"{value:,.1f}",
            f"{other:,.1f}" if other else "-",
            f"{value / other:.2f}" if other else "-",
        )
    output().print(table)


def _title(name: str) -> str:
    kind, _, rest = name.partition("_")
    return {
        "prefill": f"reading, tokens/s, {rest} tokens",
        "decode": f"writing, ms a token, {rest.removeprefix('ms_')}",
        "pass": f"a pass of {rest.removeprefix('ms_')} tokens, ms",
        "tokens": "tokens for each pass, with drafts",
        "cold": "completion, nothing read before, ms",
        "warm": "completion, 4 new tokens, ms",
        "resident": "memory, MB",
        "start": "start to first completion, ms",
    }[kind]


def _save(rows: Rows, json_file: Path | None) -> None:
    if not json_file:
        return
    try:
        json_file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{json_file} can't be written ({error.strerror}); name another file.") from error


@app.command(
    epilog="Example: slm-lsp bench typing src/app.py --peer http://127.0.0.1:8080, after "
    "`slm-lsp models export --gguf m.gguf` and `llama-server -m m.gguf --port 8080 -t 2 -np 1`"
)
def typing(
    files: Annotated[
        list[Path], typer.Argument(help="Source files; they are not changed.", show_default=False)
    ],
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
    model: Annotated[str, typer.Option(help=options()["model"].doc)] = Settings().model,
    adapter: Annotated[str, typer.Option(help=options()["adapter"].doc, show_default=False)] = "",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures to a file as well.")
    ] = None,
) -> None:
    """Type lines of real files key by key through a real server, at a person's pace and at full speed.

    A key's wait ends with the first answer that fits the text after it or after a later key.
    """
    from slm_lsp.benchmark.keys import script

    scripts = [script(file, lines, seed) for file in files]
    rows = asyncio.run(_typed(scripts, Settings(model=model, adapter=adapter), peer))
    _save(rows, json_file)
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
            client = await Client.start({"model": settings.model, "adapter": settings.adapter})
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


@app.command(epilog="Example: slm-lsp bench replay src/app.py --keys 300")
def replay(
    files: Annotated[
        list[Path], typer.Argument(help="Source files; they are not changed.", show_default=False)
    ],
    keys: Annotated[int, typer.Option(min=1, help="Keys to type in each file.")] = 200,
    seed: Annotated[int, typer.Option(help="Draws where typing begins and what is accepted.")] = 0,
    model: Annotated[str, typer.Option(help=options()["model"].doc)] = Settings().model,
    adapter: Annotated[str, typer.Option(help=options()["adapter"].doc, show_default=False)] = "",
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
    for fault in found.faults:
        console.print(f"{fault.file}:{fault.line + 1}:{fault.column + 1} {fault.what}: {fault.text!r}")
