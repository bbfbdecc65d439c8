"""``slm-lsp bench``: how fast it is here, beside a peer or a baseline in the same run."""

import typer

from slm_lsp.cli.bench.context import context
from slm_lsp.cli.bench.engine import engine
from slm_lsp.cli.bench.memory import memory
from slm_lsp.cli.bench.models import models
from slm_lsp.cli.bench.remote import remote
from slm_lsp.cli.bench.replay import replay
from slm_lsp.cli.bench.soak import soak
from slm_lsp.cli.bench.typing import typing
from slm_lsp.cli.bench.windows import windows

app = typer.Typer(help="Measure the speed, as ratios to a baseline in the same run.", no_args_is_help=True)

app.command(epilog="Example: slm-lsp bench engine --shape qwen2.5-coder-0.5b --json engine.json")(engine)
app.command(
    epilog="Example: slm-lsp bench typing src/app.py --peer http://127.0.0.1:8080, after "
    "`slm-lsp models export --gguf m.gguf` and `llama-server -m m.gguf --port 8080 -t 2 -np 1`"
)(typing)
app.command(epilog="Example: slm-lsp bench context --files 1000,10000,50000")(context)
app.command(epilog="Example: slm-lsp bench memory --tokens 1,10,50")(memory)
app.command(epilog="Example: slm-lsp bench replay src/app.py --keys 300")(replay)
app.command(epilog="Example: slm-lsp bench soak src --minutes 10")(soak)
app.command(
    epilog="Example: slm-lsp bench remote http://127.0.0.1:8080, after `slm-lsp models export --gguf m.gguf` "
    "and `llama-server -m m.gguf --port 8080 -t 2 -np 1`"
)(remote)
app.command(epilog="Example: slm-lsp bench windows")(windows)
app.command(
    epilog="Example: slm-lsp bench models --holes src --model smollm2-135m --model smollm2-135m@float32"
)(models)
