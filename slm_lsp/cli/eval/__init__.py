"""``slm-lsp eval``: how good the suggestions are, on a benchmark and in the user's own code."""

import typer

from slm_lsp.cli.eval.compare import compare
from slm_lsp.cli.eval.confidence import confidence
from slm_lsp.cli.eval.holes import holes
from slm_lsp.cli.eval.infilling import infilling
from slm_lsp.cli.eval.memory import memory

app = typer.Typer(
    help="Measure the suggestions, and tell a gain from noise. Nothing leaves the machine.",
    no_args_is_help=True,
)

app.command(epilog="Example: slm-lsp eval infilling --set single-line --limit 100 --json tuned.json")(
    infilling
)
app.command(epilog="Example: slm-lsp eval holes src --holes 400 --languages python,rust")(holes)
app.command(epilog="Example: slm-lsp eval confidence holes.json")(confidence)
app.command(epilog="Example: slm-lsp eval memory src lib --holes 200")(memory)
app.command(epilog="Example: slm-lsp eval compare before.json after.json")(compare)
