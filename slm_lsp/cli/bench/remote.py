"""``slm-lsp bench remote``: a server beside the local engine, and beside a bare request."""

from typing import Annotated

import typer

from slm_lsp.cli.bench.shared import Adapter, Json, Model, save
from slm_lsp.cli.terminal import counting_bar, figures, output
from slm_lsp.config import Settings, options

_NAMES = {
    "lines": "lines",
    "same": "the same text",
    "rounding": "another token where the two are equal but for rounding",
    "different": "another token beyond that",
    "bound": "what rounding makes up for, nats",
    "largest_gap": "the largest gap, nats",
    "engine_ms": "a short answer through the engine, ms",
    "bare_ms": "the bare request, ms",
    "overhead_ms": "difference, ms",
}


def remote(
    url: Annotated[str, typer.Argument(metavar="URL", help="A server with the same weights.")],
    prompts: Annotated[int, typer.Option(min=0, help="Lines to compare.")] = 200,
    length: Annotated[int, typer.Option(min=16, help="Tokens of each prompt.")] = 160,
    answers: Annotated[int, typer.Option(min=0, help="Answers to time.")] = 40,
    seed: Annotated[int, typer.Option(help="Draws the prompts.")] = 0,
    kind: Annotated[str, typer.Option(help=options()["endpoint_kind"].doc)] = Settings().endpoint_kind,
    model: Model = Settings().model,
    adapter: Adapter = "",
    json_file: Json = None,
) -> None:
    """Compare what a server writes with what the local engine does, and time it beside the bare request.

    The prompts are windows of Python's own library; each is completed to the end of its line, greedily.
    """
    from slm_lsp.benchmark import remote as bench
    from slm_lsp.benchmark.bare import Bare
    from slm_lsp.benchmark.prompts import prompts as drawn
    from slm_lsp.completion import loading
    from slm_lsp.engine.remote.endpoint import Endpoint

    settings = Settings(
        model=model,
        adapter=adapter,
        endpoint=url,
        endpoint_kind=kind,
        endpoint_tokenizer=model,
        endpoint_timeout=600_000,
    )
    there = loading.remote(settings)
    found: dict[str, float] = {}
    try:
        if prompts:
            here = loading.local(settings, lambda _done, _what: None)
            some = drawn(here.vocabulary.encode, length, prompts, seed)
            with counting_bar() as bar:
                task = bar.add_task("lines", total=prompts)
                found |= bench.sameness(here, there, some, lambda: bar.advance(task)).figures()
            here.close()
        if answers:
            some = drawn(there.vocabulary.encode, length, answers, seed)
            bare = Bare(Endpoint.of(url, kind, "", "", 600_000))
            found |= bench.overhead(there, bare, some)
    finally:
        there.close()
    save({url: found}, json_file)
    table = figures("", "")
    for name, value in found.items():
        table.add_row(_NAMES[name], f"{value:,}" if isinstance(value, int) else f"{value:,.2f}")
    output().print(table)
