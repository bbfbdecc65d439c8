"""``slm-lsp bench engine``: the model alone, beside Hugging Face's."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp.cli.bench.shared import Adapter, Json, Model, Rows, save
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings, options


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
    model: Model = Settings().model,
    adapter: Adapter = "",
    json_file: Json = None,
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
    save(rows, json_file)
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
