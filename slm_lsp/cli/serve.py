"""``slm-lsp serve``: the language server, on stdio or TCP."""

import ipaddress
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from slm_lsp import network
from slm_lsp.errors import UsageError
from slm_lsp.lsp.lifecycle import claim_stdio, finish

TOKEN_VARIABLE = "SLM_LSP_TOKEN"
"""Environment variable that holds what a client over TCP must give as `initializationOptions.token`."""

SHORTEST_TOKEN = 16
"""Characters of a token that can't be guessed."""

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""Log levels without ``-v``, with it, and with ``-vv``."""


def serve(
    tcp: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Listen there for one client, instead of using stdio."),
    ] = None,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help=f"Let --tcp listen on more than this machine, for who gives the token in {TOKEN_VARIABLE}.",
        ),
    ] = False,
    log_file: Annotated[
        Path | None, typer.Option(help="Write the log there instead of to standard error.")
    ] = None,
    verbose: Annotated[
        int,
        typer.Option("-v", "--verbose", count=True, show_default=False, help="Log more; twice, still more."),
    ] = 0,
    model: Annotated[
        str | None, typer.Option(help="Serve this model, whatever the editor's settings say.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Share one engine with the user's other windows.")
    ] = False,
    stdio: Annotated[bool, typer.Option("--stdio", hidden=True)] = False,
) -> None:
    """Serve the Language Server Protocol to one editor: on stdio, or on a TCP port."""
    address = _address(tcp, allow_remote) if tcp else None
    token = _token(address[0]) if address else None
    log_to(log_file, verbose)
    if address:
        network.allow(*address)
    if address is None:
        if sys.stdin.isatty():
            typer.echo("slm-lsp: waiting for an editor on stdin; see `slm-lsp --help`.", err=True)
        # Before any library is imported that could print.
        stdin, stdout = claim_stdio()

    from slm_lsp.completion.service import CompletionService
    from slm_lsp.lsp.server import build_server, start_io, start_tcp

    if shared:
        from slm_lsp.completion.sharing import load
    else:
        from slm_lsp.completion.loading import load
    server = build_server(lambda on_loading: CompletionService(load, on_loading), model, token)
    finish(start_tcp(server, *address, _listening) if address else start_io(server, stdin, stdout))


def _address(text: str, allow_remote: bool) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--tcp takes HOST:PORT, such as 127.0.0.1:5007, not {text}.")
    if not allow_remote and not _loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines, which could then read what you edit; "
            "listen on 127.0.0.1, or add --allow-remote."
        )
    return host, int(port)


def _token(host: str) -> str | None:
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and not _loopback(host):
        raise UsageError(
            f"whoever reaches {host} could read what you edit; set {TOKEN_VARIABLE} to a long random text, "
            "and give the same to your editor's client as `initializationOptions.token`."
        )
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UsageError(f"the token in {TOKEN_VARIABLE} can be guessed; make it {SHORTEST_TOKEN} or longer.")
    return token


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> None:
    typer.echo(f"slm-lsp: listening on {host}:{port}", err=True)


def log_to(file: Path | None, verbose: int) -> None:
    """Write the log to a file, or to standard error."""
    try:
        handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler()
    except OSError as error:
        raise UsageError(f"The log file {file} can't be written: {error.strerror}.") from error
    logging.basicConfig(
        handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING
    )
    logging.getLogger("slm_lsp").setLevel(LEVELS[min(verbose, len(LEVELS) - 1)])
    # Below that level pygls writes whole messages, and with them the user's code.
    logging.getLogger("pygls").setLevel(logging.WARNING)
