"""The command line: finds the command, and turns errors into one sentence and an exit code."""

import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from slm_lsp import __version__
from slm_lsp.errors import SlmLspError, UsageError

COMMANDS = {
    "serve": ("slm_lsp.cli.serve:serve", "Example: slm-lsp serve --tcp 127.0.0.1:5007 -v"),
    "complete": ("slm_lsp.cli.complete:complete", "Example: slm-lsp complete src/app.py:12"),
    "context": ("slm_lsp.cli.context:context", "Example: slm-lsp context src/app.py:12"),
    "models": ("slm_lsp.cli.models:app", ""),
    "tune": ("slm_lsp.cli.tune:tune", "Example: slm-lsp tune --minutes 30 src"),
    "bench": ("slm_lsp.cli.bench:app", ""),
    "eval": ("slm_lsp.cli.eval:app", ""),
    "stats": ("slm_lsp.cli.stats:stats", "Example: slm-lsp stats --json"),
    "forget": ("slm_lsp.cli.forget:forget", "Example: slm-lsp forget ~/code/project"),
    "trust": ("slm_lsp.cli.trust:trust", "Example: slm-lsp trust ~/code"),
    "engine": ("slm_lsp.cli.engine:engine", ""),
    "doctor": ("slm_lsp.cli.doctor:doctor", "Example: slm-lsp doctor"),
}
"""Where each command is, and its example; imported when it is asked for, so that the server starts fast."""

EXAMPLES = """Examples:

slm-lsp models pull

slm-lsp complete src/app.py:12

slm-lsp serve --log-file /tmp/slm-lsp.log -v

Exit codes: 0 done, 1 failed, 2 bad usage."""


class Commands(TyperGroup):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands' names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        place, example = COMMANDS[cmd_name]
        module, _, attribute = place.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            command: Any = get_group(target)
            command.name = cmd_name
            return command
        single = typer.Typer(add_completion=False)
        single.command(cmd_name, epilog=example)(target)
        return get_command(single)


app = typer.Typer(cls=Commands, add_completion=False, pretty_exceptions_enable=False, epilog=EXAMPLES)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"slm-lsp {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    stdio: Annotated[bool, typer.Option("--stdio", hidden=True)] = False,
) -> None:
    """Complete code with a small language model on your own machine; without a command, serve on stdio."""
    if context.invoked_subcommand is None:
        from slm_lsp.cli.serve import serve

        serve()


def main() -> NoReturn:
    """Run the command line and end the process."""
    try:
        app(prog_name="slm-lsp")
    except SlmLspError as error:
        print(f"slm-lsp: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2 if isinstance(error, UsageError) else 1)
    sys.exit(0)
