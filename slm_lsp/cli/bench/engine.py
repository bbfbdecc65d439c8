"""``slm-lsp bench engine``: the model alone, beside Hugging Face's and llama.cpp's in the same run."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from slm_lsp.cli.bench.shared import Adapter, Json, Model, Precision, Rows, save, show
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings, options
from slm_lsp.errors import UsageError

if TYPE_CHECKING:
    from slm_lsp.engine.interface import Engine

OURS, BASELINE, PEER = "slm-lsp", "Hugging Face", "llama.cpp"

PROMPTS = 6
"""Prompts of each length."""


def engine(
    shape: Annotated[
        str,
        typer.Option(
            help="Measure random weights in the shape of `qwen2.5-coder-0.5b` or `-1.5b` instead.",
            show_default=False,
        ),
    ] = "",
    peer: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Give the same prompts to a llama.cpp server on this machine that has the same weights.",
            show_default=False,
        ),
    ] = "",
    gguf: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the shape for the peer, and measure nothing.", show_default=False
        ),
    ] = None,
    requests: Annotated[
        int, typer.Option(min=0, help="Requests to a server before its memory is looked at; 0 for none.")
    ] = 200,
    rounds: Annotated[
        int, typer.Option(min=1, help="Times that each is measured; the baseline, which is slow, is once.")
    ] = 3,
    compare_output: Annotated[
        int,
        typer.Option(min=0, help="Compare plain decoding with every fast path on so many prompts instead."),
    ] = 0,
    compare_float: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="TOKENS",
            help="Compare the first choices after so many tokens with those of the float32 weights instead.",
        ),
    ] = 0,
    files: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write in holes of this code with drafts and without instead, memory mixed in.",
            show_default=False,
        ),
    ] = None,
    holes: Annotated[int, typer.Option(min=1, help="How many of these.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws the prompts.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help=options()["threads"].doc)] = 0,
    model: Model = Settings().model,
    adapter: Adapter = "",
    precision: Precision = "auto",
    json_file: Json = None,
) -> None:
    """Measure reading, writing, verifying, letting go, starting and memory, beside Hugging Face and a peer.

    Hugging Face is `generate` in float32, as it is by default. The prompts are windows of Python's own
    library.
    """
    settings = Settings(model=model, adapter=adapter, precision=precision, threads=threads)
    if compare_output:
        _compare_output(settings, compare_output, seed)
        return
    if compare_float:
        _compare_float(settings, compare_float, seed)
        return
    if files:
        _drafts(settings, files, holes, seed, json_file)
        return
    if gguf:
        from slm_lsp.benchmark.shapes import write_gguf

        write_gguf(shape, gguf)
        return
    with counting_bar() as bar:
        task = bar.add_task("loading the model", total=None)

        def told(what: str) -> None:
            bar.update(task, description=what)

        rows = _measured(settings, shape, peer, seed, rounds, told)
        if not shape:
            from slm_lsp.benchmark.serving import served, start_ms

            told("starting")
            rows[OURS]["start_ms"] = start_ms(settings)
            if requests:
                bar.update(task, description="serving", total=requests)
                rows[OURS] |= asyncio.run(served(settings, requests, lambda: bar.advance(task)))
    save(rows, json_file)
    _print(rows, PEER if peer else "")


def _drafts(settings: Settings, path: Path, count: int, seed: int, json_file: Path | None) -> None:
    """Print what drafts gain in real files."""
    from slm_lsp.cli.eval.shared import run
    from slm_lsp.evaluation.drafting import WAYS, drafted
    from slm_lsp.evaluation.holes import Plan, tasks

    plan = Plan(path, count, seed)
    chosen = tasks(plan)
    with run(settings, len(chosen), "writing") as (loaded, follow):
        found = follow(drafted(loaded, plan, chosen))
    rows: Rows = {}
    plain = [one.written for one, *_ in found]
    for way, some in zip(WAYS, zip(*found, strict=True), strict=True):
        tokens = sum(len(one.written) for one in some)
        passes, verified = (sum(getattr(one.usage, what) for one in some) for what in ("passes", "verified"))
        accepted = sum(one.usage.accepted for one in some)
        rows[way] = {
            "tokens": tokens,
            "tokens_per_pass": tokens / max(1, passes),
            "accepted_per_verification": accepted / max(1, verified),
            "ms_per_token": 1e3 * sum(one.seconds for one in some) / max(1, tokens),
            "other_texts": sum(one.written != text for one, text in zip(some, plain, strict=True)),
        }
    save(rows, json_file)
    show(rows, 2)


def _measured(
    settings: Settings, shape: str, peer: str, seed: int, rounds: int, told: Callable[[str], None]
) -> Rows:
    """Measure our engine and the peer, and then the baseline, with the same weights and prompts."""
    import tempfile

    from slm_lsp.benchmark.baseline import HuggingFace
    from slm_lsp.benchmark.engine import Ours, measure
    from slm_lsp.benchmark.llama_cpp import LlamaCpp
    from slm_lsp.benchmark.prompts import prompts
    from slm_lsp.benchmark.race import LENGTHS, Runner, race
    from slm_lsp.models.store import locate
    from slm_lsp.tokens.vocabulary import Vocabulary

    files = locate(settings.model, form="dense", adapter=settings.adapter)
    if files.gguf:
        raise UsageError("a GGUF file can't be measured beside Hugging Face; name a folder or a known model.")
    some = prompts(Vocabulary.load(files.folder).encode, LENGTHS[-1], PROMPTS, seed)
    others: dict[str, Runner] = {PEER: LlamaCpp(peer)} if peer else {}
    with tempfile.TemporaryDirectory() as temporary:
        ours = _engine(settings, shape, Path(temporary), told)
    try:
        runner = Ours(ours)
        rows = race({OURS: runner, **others}, some, rounds, told)
        rows[OURS] |= measure(ours, some, told)
        rows[OURS]["tokens_per_pass"] = runner.tokens_per_pass
        threads = ours.info.threads
    finally:
        ours.close()
    told(f"loading {BASELINE}")
    if shape:
        from slm_lsp.benchmark.shapes import config

        baseline = HuggingFace.random(config(shape), threads)
    else:
        baseline = HuggingFace.load(files.folder, threads)
    return rows | race({BASELINE: baseline}, some, 1, told)


def _engine(settings: Settings, shape: str, folder: Path, told: Callable[[str], None]) -> "Engine":
    from slm_lsp.completion.loading import load
    from slm_lsp.engine.load import load_engine

    def progress(_done: float, what: str) -> None:
        told(what)

    if not shape:
        return load(settings, progress).engine
    from slm_lsp.benchmark.shapes import config, write_random

    told(f"making random weights in the shape of {shape}")
    form: Literal["int8", "int4"] = "int4" if settings.precision == "int4" else "int8"
    write_random(config(shape), folder, form)
    return load_engine(
        folder, None, device="cpu", precision=form, threads=settings.threads,
        cache_memory=settings.cache_memory, progress=progress,
    )  # fmt: skip


def _compare_output(settings: Settings, count: int, seed: int) -> None:
    """Print how many prompts came out otherwise by a fast path; none may."""
    from collections import Counter

    from slm_lsp.benchmark.prompts import prompts
    from slm_lsp.benchmark.sameness import compare_output
    from slm_lsp.completion.loading import load

    plain, fast = (load(settings, lambda _done, _what: None) for _ in range(2))
    some = prompts(plain.vocabulary.encode, 200, count, seed)
    with counting_bar() as bar:
        task = bar.add_task("prompts", total=count)
        differing = Counter(compare_output(plain.engine, fast.engine, some, lambda: bar.advance(task)))
    for name, many in differing.items():
        typer.echo(f"{name}: {many} of {count} differ")
    if differing:
        raise typer.Exit(1)
    typer.echo(f"all {count} outputs are the same, read ahead, reused, with drafts and searched")


def _compare_float(settings: Settings, tokens: int, seed: int) -> None:
    """Print how often the first choice is that of the float32 weights, as transformers computes it."""
    from slm_lsp.benchmark.baseline import HuggingFace
    from slm_lsp.benchmark.fidelity import WINDOW, compare
    from slm_lsp.benchmark.prompts import prompts
    from slm_lsp.completion.loading import load
    from slm_lsp.models.store import locate

    loaded = load(settings, lambda _done, _what: None)
    dense = locate(settings.model, form="dense", adapter=settings.adapter).folder
    reference = HuggingFace.load(dense, loaded.engine.info.threads)
    some = prompts(loaded.vocabulary.encode, WINDOW, -(-tokens // WINDOW), seed)
    with counting_bar() as bar:
        task = bar.add_task("prompts", total=len(some))
        found = compare(loaded.engine, reference.firsts, some, lambda: bar.advance(task))
    typer.echo(
        f"{found.same:.2%} of {found.places} first choices are the same; their log probabilities are off by "
        f"{found.median:.4f} at the median and {found.p99:.4f} at most in 99%"
    )


def _print(rows: Rows, peer: str) -> None:
    """Print our figures, those of the others, and ours as parts of theirs."""
    others = [name for name in (BASELINE, peer) if name]
    table = figures("", OURS, *(column for name in others for column in (name, "ratio")))
    for name, value in rows[OURS].items():
        cells = [f"{value:,.1f}"]
        for other in others:
            theirs = rows[other].get(name)
            cells += [f"{theirs:,.1f}", f"{value / theirs:.2f}"] if theirs else ["-", "-"]
        table.add_row(_title(name), *cells)
    output().print(table)


def _title(name: str) -> str:
    kind, _, rest = name.partition("_")
    return {
        "prefill": f"reading, tokens/s, {rest} tokens",
        "decode": f"writing, ms a token, {rest.removeprefix('ms_')}",
        "pass": f"a pass of {rest.removeprefix('ms_')} tokens, ms",
        "tokens": "tokens for each pass, with drafts",
        "cold": "completion, 1,000 tokens to read, ms",
        "warm": "completion, 4 new tokens, ms",
        "busy": "writing plain beside a process that keeps a core busy, ms a token",
        "cancel": f"called off while it {rest.removeprefix('ms_')}s until free, ms, p95",
        "resident": "memory of the server after the requests, MB",
        "idle": "its processor while idle, ms a second",
        "start": "start to first completion, ms",
    }[kind]
